"""Sources of RTP that may become the caller's, and what their packets have shown so far.

Their number is bounded: with many forged sources, the worst, then the stalest, is dropped.
"""

from dataclasses import dataclass, field

from sipua.rtp.events import Address

PROBATION_PACKETS = 4
CLOCK_SLACK_S = 1e-6  # differences of floats: 60 ms must count as 60 ms

_MAX_CANDIDATES = 16
_ROOM_S = 0.02
# Steps of the sequence number that still count as in order: some loss is normal.
_MAX_STEP = 16


@dataclass(slots=True)
class Candidate:
    rank: int
    standing: int
    """Smaller is better (see latch)."""
    waits_s: float
    ssrc: int
    sequence: int
    packets: int
    since: float
    last: float
    is_stream: bool = False
    """It has shown its packets once."""

    def push(self, ssrc: int, sequence: int, now: float) -> None:
        """A stream that has passed may be followed by another one, as after early media: it must
        show its packets, and keeps its age.
        """
        step = (sequence - self.sequence) & 0xFFFF
        self.last = now
        if ssrc != self.ssrc or _MAX_STEP < step < 0x10000 - _MAX_STEP:
            if not self.is_stream:
                self.since = now
            self.ssrc = ssrc
            self.sequence = sequence
            self.packets = 1
        elif 0 < step <= _MAX_STEP:  # others are duplicates or late: they prove nothing
            self.sequence = sequence
            self.packets += 1
            self.is_stream |= self.packets >= PROBATION_PACKETS

    def has_passed(self, now: float) -> bool:
        return (
            self.packets >= PROBATION_PACKETS and now - self.since >= self.waits_s - CLOCK_SLACK_S
        )


@dataclass(slots=True)
class Candidates:
    by_address: dict[Address, Candidate] = field(default_factory=dict)
    _worst: int = 0
    _searched_at: float = 0.0

    def follow(self, source: Address, new: Candidate) -> Candidate | None:
        """The candidate of this source; `new`: what its packet shows alone. None: no room."""
        known = self.by_address.get(source)
        if known is None:
            if not self._make_room(new.standing, new.since):
                return None
            self.by_address[source] = new
            return new
        known.standing = new.standing
        known.waits_s = new.waits_s
        known.push(new.ssrc, new.sequence, new.since)
        return known

    def _make_room(self, standing: int, now: float) -> bool:
        """Room is looked for once in 20 ms: otherwise each of many forged packets would cost more
        than one of the call.
        """
        if len(self.by_address) < _MAX_CANDIDATES:
            return True
        if standing >= self._worst and now - self._searched_at < _ROOM_S:
            return False
        address, worst = max(
            self.by_address.items(), key=lambda item: (item[1].standing, -item[1].last)
        )
        self._worst, self._searched_at = worst.standing, now
        if worst.standing < standing:
            return False
        del self.by_address[address]
        return True
