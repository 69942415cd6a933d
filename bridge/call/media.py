"""What a call's audio is set up with: by offer and answer, and by the configuration."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sipua.bridge.playout.sounds import Sounds
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.codecs.g711 import Law
from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.events import Address
from sipua.rtp.latch.latch import Policy, SourceLatch
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import Tap
from sipua.rtp.srtp.keys import SrtpKeys

DtmfKind: TypeAlias = Literal["auto", "rfc4733", "inband"]
"""How digits travel between us and a peer; `sipua.bridge.call.digits` says what each means."""


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """What offer and answer settled for this call's audio."""

    remote: Address | None
    signalling_ip: str | None
    law: Law
    payload_type: int
    law_by_type: Mapping[int, str]
    telephone_event_type: int | None
    sends: bool
    receives: bool
    rtcp_remote: Address | None = None
    """Where the peer wants reports; None: the port after its RTP's."""
    rtcp_muxed: bool = False
    rtcp_extended: bool = False
    """Whether we send extended reports."""
    remote_ssrcs: frozenset[int] = frozenset()
    """What the peer says that it sends under (RFC 5576)."""
    telephone_event_send_type: int | None = None
    """The number that the peer wants them under, which may be another than ours."""
    srtp: SrtpKeys | None = None
    """Keys of the SDP."""
    dtls: DtlsAgreement | None = None
    """Keys come from a handshake; None, both: the audio is not encrypted."""
    held_by_us: bool = False
    """We have put the peer on hold: it hears our sound, and may send nothing."""

    @property
    def on_hold(self) -> bool:
        """Either side is not listening: what still comes is music, not the caller."""
        return not (self.sends and self.receives)

    @property
    def rtcp_target(self) -> Address | None:
        """Where reports go by signalling; None: they share the port of RTP."""
        if self.rtcp_muxed or self.remote is None:
            return None
        return self.rtcp_remote or (self.remote[0], self.remote[1] + 1)

    @property
    def plays_hold_sound(self) -> bool:
        return self.held_by_us and self.on_hold and self.sends


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What the configuration says about the audio of every call."""

    ptime_ms: int
    hold_ms: float
    max_hold_ms: float
    timeout_s: float
    hold_timeout_s: float
    latch: Policy
    barge_in: BargeIn = field(default_factory=BargeIn)
    sounds: Sounds = field(default_factory=Sounds)
    dtmf: DtmfKind = "auto"
    keepalive_s: float = 0


def open_rtp(
    plan: MediaPlan,
    settings: MediaSettings,
    make: Callable[..., RtpSession] = RtpSession,
    rtcp_tap: Tap | None = None,
) -> RtpSession:
    """What never changes in a call; the rest is `update_rtp`'s, the first time and later."""
    ssrc, now = secrets.randbits(32), time.monotonic()
    # The only look at the wall clock: peers set our reports beside others by it.
    rtcp = RtcpSession(
        ssrc=ssrc,
        wall_s=time.time(),
        now=now,
        packet_ms=settings.ptime_ms,
        longest_hold_ms=round(settings.max_hold_ms),
    )
    rtcp.tap = rtcp_tap
    return make(
        ssrc=ssrc,
        law_by_pt=plan.law_by_type,
        send_pt=plan.payload_type,
        telephone_event_pt=plan.telephone_event_type,
        latch=SourceLatch(settings.latch),
        config=RtpConfig(
            ptime_ms=settings.ptime_ms,
            hold_ms=settings.hold_ms,
            max_hold_ms=settings.max_hold_ms,
            timeout_s=settings.timeout_s,
            hold_timeout_s=settings.hold_timeout_s,
            keepalive_s=settings.keepalive_s,
        ),
        now=now,
        rtcp=rtcp,
    )


def update_rtp(rtp: RtpSession, plan: MediaPlan) -> None:
    """What an offer and its answer change."""
    rtp.update(
        law_by_pt=plan.law_by_type,
        send_pt=plan.payload_type,
        telephone_event_pt=plan.telephone_event_type,
        telephone_event_send_pt=plan.telephone_event_send_type,
        remote=plan.remote,
        signalling_ip=plan.signalling_ip,
        sending=plan.sends,
        on_hold=plan.on_hold,
        now=time.monotonic(),
        rtcp_remote=plan.rtcp_remote,
        rtcp_muxed=plan.rtcp_muxed,
        rtcp_extended=plan.rtcp_extended,
        remote_ssrcs=plan.remote_ssrcs,
    )
