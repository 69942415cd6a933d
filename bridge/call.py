"""One call's audio, from its socket to the engine and back.

    phone ──▶ RtpTransport ──▶ RtpSession ──▶ Uplink ──▶ append ──▶ engine
                   ▲            (reorder,      (decode,                │
                   │             latch)         conceal, 24 kHz)       │
                   └── send ◀── Pacer's tick ◀── Playout ◀── AudioDelta┘
                                                    ▲
                         SpeechStarted: flush ──────┘──▶ truncate at the played millisecond

Everything here runs on the loop and never waits; only `connect` and `close` are coroutines.
The engine may connect, greet and fill the playout long before there is media: the first tick
after the ACK finds the greeting waiting.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sipua.bridge.downlink import Playout
from sipua.bridge.engines.base import (
    AudioDelta,
    AudioDone,
    EngineFault,
    EngineLost,
    Event,
    SpeechStarted,
)
from sipua.bridge.pacer import Handle, Pacer
from sipua.bridge.uplink import Uplink
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address, MediaTimeout, RtpEvent, SourceChanged
from sipua.rtp.latch import Policy, SourceLatch
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session import RtpConfig, RtpSession
from sipua.rtp.transport import RtpTransport


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

    @property
    def on_hold(self) -> bool:
        """Either side is not listening: what still comes is music, not the caller."""
        return not (self.sends and self.receives)


@dataclass(frozen=True, slots=True)
class Interrupted:
    item_id: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class SourceMoved:
    address: Address
    rank: int


@dataclass(frozen=True, slots=True)
class PeerSilent:
    idle_s: float


@dataclass(frozen=True, slots=True)
class EngineGone:
    code: int
    reason: str


BridgeEvent = Interrupted | SourceMoved | PeerSilent | EngineGone


class Conversation(Protocol):
    """The far end of the bridge: a session with an engine, or anything that talks and listens."""

    session_id: str

    async def connect(self, timeout_s: float) -> None: ...
    def append(self, pcm: bytes) -> None: ...
    def greet(self, instructions: str | None = None) -> None: ...
    def truncate(self, item_id: str, audio_end_ms: int) -> None: ...
    async def close(self) -> None: ...
    def counters(self) -> dict[str, int]: ...
