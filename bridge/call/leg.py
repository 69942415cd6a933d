"""One leg of a call: its RTP socket and session, and what is sent to its peer.

Leg `a` is the one that the call began with; `CallBridge` puts an engine behind it. Leg `b` is
placed in mid-call and joined to it (`sipua.bridge.joint`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from sipua.bridge.call.digits import leave_as_events
from sipua.bridge.call.media import MediaPlan, MediaSettings, open_rtp, update_rtp
from sipua.bridge.call.media_path import MEDIA_PATH, MediaPath
from sipua.bridge.events import PlayoutNews
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.bridge.joint.third import Between
from sipua.bridge.playout.pacer import Handle, Pacer
from sipua.bridge.playout.sender import Outlet, PlayoutSender
from sipua.codecs.g711 import Law
from sipua.codecs.pcm import Pcm
from sipua.rtp.dtmf import EventPacket
from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.traffic import Traffic
from sipua.rtp.session.transport import RtpTransport, Tap, senders_so_far

_NOWHERE: Final = ("", 0)


class MediaLeg:
    """Made with its port, opened when its media is known, started when its peer can hear us."""

    def __init__(
        self,
        local: ReservedPort,
        pacer: Pacer,
        settings: MediaSettings,
        *,
        on_rtp: Callable[[Sequence[RtpEvent]], None],
        faults: FaultOwner,
        on_news: Callable[[PlayoutNews], None] = nothing,
        on_tick: Callable[[float], None] = nothing,
        on_frame: Callable[[bytes, int], None] = nothing,
        fill: Callable[[Pcm | None], None] | None = None,
        path: MediaPath = MEDIA_PATH,
    ) -> None:
        """`on_rtp`: what came. `fill`: of a leg with fillers of its own. The others: see
        PlayoutSender."""
        self.settings = settings
        self.laws: dict[int, Law] = {}
        self.line = PlayoutSender(
            pacer,
            frame_ms=settings.ptime_ms,
            on_news=on_news,
            on_tick=on_tick,
            on_frame=on_frame,
            faults=faults,
            make_playout=path.playout,
        )
        self.fill = self.line.playout.fill if fill is None else fill
        """What is heard, over and over, while nothing else is; None: silence."""
        self.receives = True
        self.rtp: RtpSession | None = None
        self.transport: RtpTransport | None = None
        self.tap: Tap | None = None
        self.rtcp_tap: Tap | None = None
        """To see its packets, its RTCP; set before it is opened."""
        self.taps_of: Callable[[ReservedPort], tuple[Tap | None, Tap | None]] = _unseen
        """The same of a further leg, on this port."""
        self._local = local
        self._pacer = pacer
        self._on_rtp = on_rtp
        self._faults = faults
        self._path = path
        self._early: frozenset[Address] = frozenset()
        self._between: Between | None = None

    def another(
        self,
        local: ReservedPort,
        on_rtp: Callable[[Sequence[RtpEvent]], None],
        on_news: Callable[[PlayoutNews], None] = nothing,
        *,
        faults: FaultOwner | None = None,
    ) -> MediaLeg:
        """A further leg of the same call, with the same clock and settings; `faults`: its own, if
        the call is to survive them."""
        leg = MediaLeg(
            local,
            self._pacer,
            self.settings,
            on_rtp=on_rtp,
            on_news=on_news,
            faults=faults or self._faults,
        )
        leg.tap, leg.rtcp_tap = self.taps_of(local)
        return leg

    def before_answer(self) -> None:
        """The peer learns our port now: what has sent to it already is not the peer."""
        self._early = senders_so_far(self._local)

    def open(self, plan: MediaPlan) -> int:
        """The first offer and answer, and each later one; returns our SSRC."""
        self.laws.clear()
        self.laws.update({number: Law[name] for number, name in plan.law_by_type.items()})
        begins = self.rtp is None or self.transport is None
        if self.rtp is None or self.transport is None:
            self.rtp = open_rtp(plan, self.settings, self._path.session, self.rtcp_tap)
            self.rtp.latch.set_early(() if plan.srtp or plan.dtls else self._early)
            self.transport = self._path.transport(
                self._local, self.rtp, self._on_rtp, on_fault=self._faults.failed
            )
            self.transport.tap = self.tap
            self.transport.on_secured = self._secured
        update_rtp(self.rtp, plan)
        if plan.dtls is not None:  # never plain, also where no one is known to shake hands with
            self.transport.secure_by_handshake(plan.dtls, plan.remote or _NOWHERE, plan.rtcp_target)
        else:
            self.transport.secure(plan.srtp)
        if begins:
            self.transport.start()
        self.transport.reschedule()
        self.receives = plan.receives
        by_event = leave_as_events(self.settings.dtmf, plan)
        self.line.playout.pause(plan.plays_hold_sound, "hold")
        self.line.playout.pause(not self.transport.secured, "handshake")
        silent = plan.on_hold and not plan.plays_hold_sound
        outlet = self._outlet(self.transport)
        self.line.open(self.rtp, outlet, plan.law, by_event=by_event, on_hold=silent)
        return self.rtp.ssrc

    def _secured(self) -> None:
        self.line.playout.pause(False, "handshake")

    def start(self) -> None:
        """The ACK is in: from now on we send."""
        self.line.start()

    def put_between(self, between: Between | None) -> None:
        """Audio goes through it, in both directions; None: directly again. The media is open."""
        self._between = between
        if self.transport is not None:
            on_rtp = self._on_rtp
            if between is not None:
                on_rtp = partial(_come_through, between.came, on_rtp)
            self.transport.pass_to(on_rtp)
            self.line.leave_by(self._outlet(self.transport))

    def listen_with(
        self, on_rtp: Callable[[Sequence[RtpEvent]], None]
    ) -> Callable[[Sequence[RtpEvent]], None]:
        """What comes goes there from now on; where it went before."""
        before, self._on_rtp = self._on_rtp, on_rtp
        self.put_between(self._between)
        return before

    def give(self, events: Sequence[RtpEvent]) -> None:
        """As if it had come from the peer."""
        self._on_rtp(events)

    def pace(self, callback: Callable[[float], float], now: float) -> Handle:
        """Call it back by the clock of the call's frames."""
        return self._pacer.add(callback, now, self._faults)

    def _outlet(self, transport: RtpTransport) -> Outlet:
        return transport if self._between is None else _Through(self._between, transport)

    def close(self) -> None:
        """The owner of the sockets returns them to the pool, afterwards. May be called twice."""
        self.line.close()
        if self._between is not None:
            self.put_between(None)
        if self.transport is not None:
            self.transport.close()
        self._on_rtp = self.fill = nothing

    def traffic(self) -> Traffic:
        return self.rtp.traffic(self.line.skipped_frames) if self.rtp else Traffic()


def _come_through(
    came: Callable[[Sequence[RtpEvent]], Sequence[RtpEvent]],
    on_rtp: Callable[[Sequence[RtpEvent]], None],
    events: Sequence[RtpEvent],
) -> None:
    if passed := came(events):
        on_rtp(passed)


class _Through:
    """What leaves is changed on its way; keys are not."""

    __slots__ = ("_leaves", "_transport", "send_event")

    def __init__(self, between: Between, transport: RtpTransport) -> None:
        self._leaves = between.leaves
        self._transport = transport
        self.send_event: Callable[[EventPacket], bool] = transport.send_event

    def send(self, payload: bytes, samples: int, marker: bool = False) -> bool:
        return self._transport.send(self._leaves(payload), samples, marker)


def _unseen(_local: ReservedPort) -> tuple[Tap | None, Tap | None]:
    return None, None
