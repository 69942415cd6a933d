"""Events of an RTP session for the call. Plain data; `samples` count at 8 kHz."""

from dataclasses import dataclass
from typing import Literal

import msgspec

Address = tuple[str, int]
DigitWay = Literal["rfc4733", "info", "inband"]
"""How a digit comes, or leaves: as a telephone event, by SIP INFO, as a tone in the audio."""


# A Struct is made in C, in half the time that a dataclass takes: one is made for each packet.
class Frame(msgspec.Struct, gc=False):
    """Audio of one packet, in order. `received_at` is when the packet came, not its release."""

    payload_type: int
    payload: bytes
    received_at: float


@dataclass(slots=True)
class Lost:
    """Audio that was sent and did not come in time: conceal it."""

    samples: int


@dataclass(slots=True)
class Silence:
    """Time for which the sender sent nothing (DTX, events in place of audio): keep the timeline."""

    samples: int


@dataclass(slots=True)
class SourceChanged:
    """Media is now taken from, and sent to, this address (rank: see latch)."""

    address: Address
    rank: int


@dataclass(slots=True)
class SsrcChanged:
    """The peer's stream was replaced by another; `old` is None for the first."""

    old: int | None
    new: int


@dataclass(slots=True)
class MediaTimeout:
    """Nothing came for longer than is allowed. Reported once per pause."""

    idle_s: float
    why: str = ""
    """Of a peer with which no keys are agreed on."""

    def __str__(self) -> str:
        return f"no RTP for {self.idle_s:.0f} s" + (f": {self.why}" if self.why else "")


@dataclass(slots=True)
class LossReported:
    """Our packets that did not reach the peer, by its report (RTCP, since its last report)."""

    fraction_lost: float
    lost: int
    """Packets, since the beginning."""
    jitter_ms: float
    round_trip_ms: float | None


@dataclass(slots=True)
class PacketsRefused:
    """Datagrams at our ports that were not of this call, by reason, since the last such event."""

    counts: dict[str, int]


@dataclass(slots=True)
class ComfortNoise:
    """The peer stops sending in a speech pause (RFC 3389): silence begins here."""

    level_dbov: int


@dataclass(slots=True)
class Dtmf:
    """A key of the phone, reported once, when it is released."""

    digit: str
    duration_ms: int
    inband: bool
    """Detected as a tone in the audio, not sent as a telephone event."""
    by_info: bool = False
    """Told by signalling (SIP INFO)."""

    @property
    def way(self) -> DigitWay:
        return "info" if self.by_info else "inband" if self.inband else "rfc4733"


RtpEvent = (
    Frame
    | Lost
    | Silence
    | SourceChanged
    | SsrcChanged
    | MediaTimeout
    | LossReported
    | PacketsRefused
    | ComfortNoise
    | Dtmf
)
