"""Receive statistics of one SSRC (RFC 3550 appendices A.3 and A.8) and of its reorder buffer."""

import math
from dataclasses import dataclass, field

from sipua.rtp.receive.bursts import BurstCounter

# A transit time that moves by more is a sender's clock set anew, not a network.
_CLOCK_STEP_S = 1.0


@dataclass(slots=True)
class ReceiveStats:
    """Counters of one SSRC; sequence numbers and timestamps are unwrapped."""

    ssrc: int
    clock_rate: int = 8000
    received: int = 0
    received_bytes: int = 0
    duplicates: int = 0
    late: int = 0
    """Came after their time had been given up."""
    given_up: int = 0
    """Packets that were not waited for any longer; some may have come late."""
    lost_samples: int = 0
    silence_samples: int = 0
    reordered: int = 0
    """Came behind a later packet, but in time."""
    held: int = 0
    """Packets that waited behind a gap."""
    max_held_ms: float = 0.0
    overflow: int = 0
    """Gaps given up early because the buffer was full."""
    resets: int = 0
    """Restarts of the sequence numbers."""
    timestamp_resets: int = 0
    stray: int = 0
    """Single packets with impossible numbers."""
    max_gap_s: float = 0.0
    jitter_samples: float = 0.0
    highest: int = 0
    """Highest sequence number that was believed."""
    bursts: BurstCounter = field(default_factory=BurstCounter)
    _base: int | None = None
    _expected_before: int = 0
    """Packets expected of the sequence numbers before the last reset."""
    _last_arrival: float = math.inf  # the first packet ends no gap
    _transit: float = math.inf  # and measures no jitter
    _least_transit: float = math.inf
    _least_at: float = 0.0

    def count(self, size: int, now: float) -> None:
        """Count any packet of this SSRC."""
        self.received += 1
        self.received_bytes += size
        gap = now - self._last_arrival
        self._last_arrival = now
        if gap > self.max_gap_s:  # noqa: PLR1730 - max() costs a call for each packet
            self.max_gap_s = gap

    def measure_jitter(self, timestamp: int, now: float) -> None:
        """Take a packet whose timestamp is its sampling instant: audio, not events."""
        transit = now * self.clock_rate - timestamp
        change = abs(transit - self._transit)
        self._transit = transit
        if transit < self._least_transit:
            self._least_transit = transit
            self._least_at = now
        if change < _CLOCK_STEP_S * self.clock_rate:
            self.jitter_samples += (change - self.jitter_samples) / 16

    def take_least_transit(self) -> tuple[float, float] | None:
        """When the quickest packet since the last call came, and its transit in seconds (of
        unknown origin): what is known of the sender's clock, with the least of the network in it.
        """
        if self._least_transit == math.inf:
            return None
        taken = (self._least_at, self._least_transit / self.clock_rate)
        self._least_transit = math.inf
        return taken

    def start(self, sequence: int) -> None:
        """The sequence numbers begin here, for the first time or anew."""
        self._expected_before = self.expected
        self.bursts.start(sequence, self.highest)
        self._base = self.highest = sequence

    @property
    def expected(self) -> int:
        if self._base is None:
            return 0
        return self._expected_before + self.highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that never came (RFC 3550 A.3, duplicates not counted as received)."""
        return max(0, self.expected - (self.received - self.duplicates - self.stray))

    @property
    def jitter_ms(self) -> float:
        return self.jitter_samples * 1000 / self.clock_rate

    def snapshot(self) -> dict[str, int | float]:
        return {
            "ssrc": self.ssrc,
            "received": self.received,
            "received_bytes": self.received_bytes,
            "expected": self.expected,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "late": self.late,
            "reordered": self.reordered,
            "given_up": self.given_up,
            "lost_samples": self.lost_samples,
            "silence_samples": self.silence_samples,
            "held": self.held,
            "max_held_ms": round(self.max_held_ms, 3),
            "overflow": self.overflow,
            "resets": self.resets,
            "timestamp_resets": self.timestamp_resets,
            "stray": self.stray,
            "max_gap_ms": round(self.max_gap_s * 1000, 3),
            "jitter_ms": round(self.jitter_ms, 3),
        }
