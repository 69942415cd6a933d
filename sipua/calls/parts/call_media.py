"""What signalling says of a call's media, made known to its audio path: each offer and answer, and
so each hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.media import MediaPlan
from sipua.calls.parts import silence
from sipua.calls.parts.early_media import EarlyMedia
from sipua.codecs.g711 import Law
from sipua.events import call_events
from sipua.events.event import Event
from sipua.rtp.hostport import join
from sipua.sip.messages import BeHeard, NegotiatedMedia


class _Facts(Protocol):
    @property
    def talked_s(self) -> float:
        """Since the ACK; 0 before it."""


class CallMedia:
    def __init__(
        self,
        call_id: str,
        bridge: CallBridge,
        send: Callable[[BeHeard], None],
        tell: Callable[[Event], None],
    ) -> None:
        self.early = EarlyMedia(call_id, bridge, send, tell)
        self._bridge = bridge
        self._tell = tell
        self._plan: MediaPlan | None = None
        self.on_hold = False
        """By either side."""
        self._held_by = "peer"

    def negotiated(self, media: NegotiatedMedia, *, held_by_us: bool) -> None:
        """The first offer and answer, and each later one."""
        self._plan = plan = media_plan(media, held_by_us=held_by_us)
        if plan.on_hold != self.on_hold:
            self.on_hold = plan.on_hold
            if plan.on_hold:
                self._held_by = "us" if held_by_us else "peer"
            change = call_events.Held if plan.on_hold else call_events.Resumed
            self._tell(change(direction=media.direction, by=self._held_by))
        ssrc = self._bridge.open_media(plan)
        self._tell(
            call_events.Media(
                codec=media.codec,
                remote=join(*media.remote),
                direction=media.direction,
                ssrc=f"{ssrc:08x}",
                srtp=media.suite,
            )
        )
        self.early.media_is_open()

    def confirmed(self) -> None:
        """The ACK is in."""
        self._bridge.start()
        self.early.confirmed()

    def is_lost(self, idle_s: float, facts: _Facts) -> bool:
        """Whether a peer that sends nothing is gone; if not yet, it has as long again. Many send
        nothing while a phone rings."""
        if silence.counts(idle_s, facts.talked_s):
            return True
        if self._plan is not None:
            self._bridge.open_media(self._plan)
        return False


def media_plan(media: NegotiatedMedia, *, held_by_us: bool = False) -> MediaPlan:
    return MediaPlan(
        remote=media.remote,
        signalling_ip=media.signalling_ip or None,
        law=Law[media.codec],
        payload_type=media.payload_type,
        law_by_type=media.accepted_types,
        telephone_event_type=media.telephone_event_type,
        telephone_event_send_type=media.telephone_event_send_type,
        sends=media.direction.sends,
        receives=media.direction.receives,
        rtcp_remote=media.rtcp_remote,
        rtcp_muxed=media.rtcp_muxed,
        rtcp_extended=media.rtcp_extended,
        remote_ssrcs=media.remote_ssrcs,
        srtp=media.srtp,
        dtls=media.dtls,
        held_by_us=held_by_us,
    )
