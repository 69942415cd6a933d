"""One SSRC of the peer: its unwrapped counters, its order, its statistics."""

from collections.abc import Sequence

from sipua.rtp.events import Frame, RtpEvent
from sipua.rtp.packet import RtpPacket
from sipua.rtp.receive.jitter import ReorderBuffer
from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.sequence import Unwrapper

AUDIO = 1
"""The kind of payload that is audio; others only have their place in the sequence."""


class Stream:
    """From its first packet to the next SSRC's."""

    __slots__ = ("buffer", "sequences", "ssrc", "stats", "timestamps")

    def __init__(
        self,
        ssrc: int,
        *,
        frame_samples: int,
        hold_ms: float,
        min_hold_ms: float,
        max_hold_ms: float,
    ) -> None:
        self.ssrc = ssrc
        self.sequences = Unwrapper(16)
        self.timestamps = Unwrapper(32)
        self.stats = ReceiveStats(ssrc)
        self.buffer = ReorderBuffer(
            self.stats,
            frame_samples=frame_samples,
            hold_ms=hold_ms,
            min_hold_ms=min_hold_ms,
            max_hold_ms=max_hold_ms,
        )

    def push(self, packet: RtpPacket, kind: int | None, now: float) -> Sequence[RtpEvent]:
        payload = packet.payload
        stats = self.stats
        stats.count(len(payload), now)
        timestamp = self.timestamps.unwrap(packet.timestamp)
        frame = None
        if kind == AUDIO and payload:
            stats.measure_jitter(timestamp, now)
            frame = Frame(packet.payload_type, payload, now)
        return self.buffer.push(self.sequences.unwrap(packet.sequence), timestamp, frame, now)

    def snapshot(self) -> dict[str, int | float]:
        return {**self.stats.snapshot(), "hold_ms": round(self.buffer.hold_ms, 1)}
