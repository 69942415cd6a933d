"""One RTP stream and one call of a capture, as everything after the reading sees them."""

from dataclasses import dataclass, field

from sipua.rtp.events import Address


@dataclass(slots=True)
class Stream:
    number: int
    """From 1, in the order in which the streams begin."""
    ssrc: int
    source: Address
    target: Address
    payload_type: int
    """What most packets are, events and comfort noise aside."""
    codec: str | None
    """None: a dynamic payload type that no SDP names."""
    clock_rate: int
    """By the codec; where that is not known, the usual clock that fits best."""
    ptime_ms: float | None
    packets: list[tuple[float, bytes]]
    """Arrival (seconds, the capture's clock) and the whole RTP packet, in the file's order."""
    event_payload_type: int | None
    lost: int
    """Sequence numbers that never came (duplicates do not make up for them)."""
    jitter_ms: float
    """Mean of the running estimate of RFC 3550 over the stream, events aside."""
    digits: str
    """Of RFC 4733 events."""
    duration_s: float
    payload_types: dict[int, int] = field(default_factory=dict)
    """Packets by payload type."""
    received: int = 0
    expected: int = 0
    duplicates: int = 0
    reordered: int = 0
    restarts: int = 0
    """Jumps of the sequence number that are no loss: the sender began anew."""
    jitter_max_ms: float = 0.0
    max_gap_ms: float = 0.0
    """Longest time between two packets."""
    markers: int = 0
    talk_share: float | None = None
    """Part of the duration that is talk, 0 to 1; None: the codec is not G.711."""
    start_s: float = 0.0
    payload_bytes: int = 0
    truncated: int = 0
    """Packets that the capture program kept only the beginning of."""
    kind: str = ""
    """audio, video, … as SDP has it."""
    encrypted: bool = False
    """SRTP by SDP: payload and digits mean nothing."""
    announced: bool = False
    """SDP names one of its addresses."""
    call: int | None = None
    opposite: int | None = None
    """The stream of the other direction."""

    @property
    def loss_percent(self) -> float:
        return 100 * self.lost / self.expected if self.expected else 0.0

    def overlaps(self, other: "Stream") -> bool:
        return (
            self.start_s <= other.start_s + other.duration_s + 1
            and other.start_s <= self.start_s + self.duration_s + 1
        )


@dataclass(slots=True)
class Call:
    """A call whose SIP is in the capture."""

    number: int
    sip_call_id: str
    from_uri: str
    to_uri: str
    streams: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ShortStream:
    """Too few packets to be sure that it is RTP, and nothing that speaks against it."""

    source: Address
    target: Address
    ssrc: int
    payload_type: int
    packets: int


@dataclass(frozen=True, slots=True)
class Udptl:
    """Fax (T.38) between two addresses, as SDP says by `m=image`."""

    source: Address
    target: Address
    packets: int
