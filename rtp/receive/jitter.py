"""Puts packets back in order without holding what is in order already.

The consumer is a model with a buffer, not a loudspeaker, so there is no playout clock:

    next in sequence      released at once
    behind a gap          held until the gap fills or its deadline passes, then Lost and on
    behind us             late (its time was given up) or a duplicate: dropped
    far from everything   a stray packet, unless the next one follows it: then the sender began anew

Timestamps keep the timeline: what lies between two frames is Lost as far as packets are missing
and Silence for the rest, so frames, losses and silences together are the sender's own time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sipua.rtp.events import Frame, Lost, RtpEvent, Silence
from sipua.rtp.receive.stats import ReceiveStats

# A step this far ahead or behind is no loss and no reordering (RFC 3550 A.1 has 3000 and 100).
_MAX_DROPOUT = 4999
_MAX_MISORDER = 200
_MAX_HELD = 64
# The hold follows three times the mean deviation, which covers uniform jitter entirely ...
_JITTER_FACTOR = 3
# ... once the estimate means something.
_JITTER_VALID_AFTER = 32
# A timestamp may run ahead of the clock on the wall by this much before it is called a reset.
_TIMESTAMP_SLACK_S = 1.0

# A sender that stepped back a little looks like late packets. It is believed when nothing else came
# for longer than a network with the worst jitter delivers only late ones.
_STEP_BACK_PACKETS = 10
_STEP_BACK_S = 0.200
# Numbers of a suspected restart follow each other this closely.
_MAX_STEP = 16

_Held = tuple[int, Frame | None, float]


@dataclass(slots=True)
class _Suspect:
    """Packets in a row that only a sender's restart would explain."""

    sequence: int
    packets: int
    since: float
    first: tuple[int, _Held] | None
    """The first one, released if the restart proves true; None when it may be a duplicate."""


class ReorderBuffer:
    """One per SSRC. Takes unwrapped sequence numbers and timestamps."""

    __slots__ = (
        "_frame_samples",
        "_given_up",
        "_held",
        "_hold_s",
        "_last_frame_at",
        "_max_hold_s",
        "_min_hold_s",
        "_missing",
        "_next_sequence",
        "_next_timestamp",
        "_started_at",
        "_stats",
        "_suspect",
        "deadline",
    )

    def __init__(
        self,
        stats: ReceiveStats,
        *,
        frame_samples: int = 160,
        hold_ms: float = 60,
        min_hold_ms: float = 20,
        max_hold_ms: float = 200,
    ) -> None:
        self._stats = stats
        self._hold_s = min(hold_ms, max_hold_ms) / 1000
        self._min_hold_s = min_hold_ms / 1000
        self._max_hold_s = max_hold_ms / 1000
        self._frame_samples = frame_samples
        self._held: dict[int, _Held] = {}
        self._given_up: set[int] = set()
        self._missing = 0
        """Packets given up since the last frame: the reason for the next gap in time."""
        self._next_sequence: int | None = None
        self._next_timestamp: int | None = None
        self._started_at = 0
        self._last_frame_at = 0.0
        self._suspect: _Suspect | None = None
        self.deadline: float | None = None
        """When to call expire(); None while nothing is held."""

    def push(
        self, sequence: int, timestamp: int, frame: Frame | None, now: float
    ) -> Sequence[RtpEvent]:
        """A packet came; `frame` is None when it carries no audio but has its place in the order
        (events, comfort noise).
        """
        if sequence == self._next_sequence and not self._held and timestamp == self._next_timestamp:
            self._next_sequence = sequence + 1
            self._stats.highest = sequence
            self._suspect = None
            if frame is None:
                return ()
            self._missing = 0
            self._frame_samples = len(frame.payload)
            self._next_timestamp = timestamp + self._frame_samples
            self._last_frame_at = now
            return (frame,)
        out: list[RtpEvent] = []
        self._place(sequence, (timestamp, frame, now), now, out)
        return out

    def expire(self, now: float) -> Sequence[RtpEvent]:
        """Give up the gaps whose deadline has passed."""
        out: list[RtpEvent] = []
        while self.deadline is not None and self.deadline <= now:
            self._give_up(now, out)
        return out

    def flush(self, now: float) -> Sequence[RtpEvent]:
        """Release all that is held: this stream ends."""
        out: list[RtpEvent] = []
        while self._held:
            self._give_up(now, out)
        return out

    def _place(self, sequence: int, packet: _Held, now: float, out: list[RtpEvent]) -> None:
        if self._next_sequence is None:
            self._start(sequence)
        assert self._next_sequence is not None
        ahead = sequence - self._next_sequence
        if not 0 <= ahead < _MAX_DROPOUT:
            self._place_elsewhere(sequence, packet, ahead, now, out)
            return
        self._suspect = None
        stats = self._stats
        if ahead == 0:
            self._count_order(sequence)
            self._next_sequence = sequence + 1
            self._release(packet, now, out)
            self._drain(now, out)
            return
        if sequence in self._held:
            stats.duplicates += 1
            return
        self._count_order(sequence)
        stats.held += 1
        self._held[sequence] = packet
        if self.deadline is None:
            self.deadline = packet[2] + self._current_hold_s()
        elif len(self._held) > _MAX_HELD:
            stats.overflow += 1
            self._give_up(now, out)

    def _start(self, sequence: int) -> None:
        self._next_sequence = self._started_at = sequence
        self._missing = 0
        self._given_up.clear()
        self._suspect = None
        self._stats.start(sequence)

    def _place_elsewhere(
        self, sequence: int, packet: _Held, ahead: int, now: float, out: list[RtpEvent]
    ) -> None:
        """A packet from behind us or far away. Nearly always dropped, but one impossible number is
        noise and two in a row are a sender that began anew; and numbers a little behind are late
        or duplicates, unless they go on as a stream does and nothing else comes.
        """
        suspect = self._suspect
        if suspect is not None and 0 < sequence - suspect.sequence <= _MAX_STEP:
            suspect.sequence = sequence
            suspect.packets += 1
            if suspect.first is not None or (
                suspect.packets >= _STEP_BACK_PACKETS and now - suspect.since >= _STEP_BACK_S
            ):
                self._restart(sequence, packet, suspect.first, now, out)
                return
            self._count_behind(sequence)
        elif abs(ahead) >= _MAX_MISORDER or self._is_newer(packet):
            self._stats.stray += 1
            self._suspect = _Suspect(sequence, 1, now, (sequence, packet))
        else:
            self._count_behind(sequence)
            self._suspect = _Suspect(sequence, 1, now, None)

    def _is_newer(self, packet: _Held) -> bool:
        """Whether its timestamp is newer: its number is behind as the numbers were set back."""
        timestamp, frame, _ = packet
        return frame is not None and (
            self._next_timestamp is not None and timestamp >= self._next_timestamp
        )

    def _restart(
        self,
        sequence: int,
        packet: _Held,
        first: tuple[int, _Held] | None,
        now: float,
        out: list[RtpEvent],
    ) -> None:
        out.extend(self.flush(now))
        self._stats.resets += 1
        if first is None:
            self._start(sequence)
        else:
            self._stats.stray -= 1
            self._start(first[0])
            self._place(*first, now, out)
        self._place(sequence, packet, now, out)

    def _count_order(self, sequence: int) -> None:
        if sequence < self._stats.highest:
            self._stats.reordered += 1
        else:
            self._stats.highest = sequence

    def _count_behind(self, sequence: int) -> None:
        if sequence in self._given_up:
            self._given_up.remove(sequence)
            self._stats.late += 1
        elif sequence < self._started_at:
            self._stats.late += 1
        else:
            self._stats.duplicates += 1

    @property
    def hold_ms(self) -> float:
        """How long a packet behind a gap would wait now."""
        return self._current_hold_s() * 1000

    def _current_hold_s(self) -> float:
        stats = self._stats
        if stats.received < _JITTER_VALID_AFTER:
            return self._hold_s
        hold_s = _JITTER_FACTOR * stats.jitter_samples / stats.clock_rate
        return min(max(hold_s, self._min_hold_s), self._max_hold_s)

    def _give_up(self, now: float, out: list[RtpEvent]) -> None:
        """Go on behind the first gap."""
        assert self._next_sequence is not None
        first = min(self._held)
        missing = first - self._next_sequence
        self._stats.given_up += missing
        self._stats.bursts.missing(self._next_sequence, missing)
        self._missing += missing
        # Numbers older than the misorder limit are no longer kept for telling late from duplicate.
        oldest = first - _MAX_MISORDER
        if len(self._given_up) >= _MAX_MISORDER:
            self._given_up = {number for number in self._given_up if number > oldest}
        self._given_up.update(range(max(self._next_sequence, oldest), first))
        self._next_sequence = first
        self._drain(now, out)

    def _drain(self, now: float, out: list[RtpEvent]) -> None:
        """Release what has become next, and set the deadline of the next gap."""
        held = self._held
        assert self._next_sequence is not None
        while (packet := held.pop(self._next_sequence, None)) is not None:
            self._next_sequence += 1
            waited_ms = (now - packet[2]) * 1000
            self._stats.max_held_ms = max(self._stats.max_held_ms, waited_ms)
            self._release(packet, now, out)
        if held:
            self.deadline = min(packet[2] for packet in held.values()) + self._current_hold_s()
        else:
            self.deadline = None

    def _release(self, packet: _Held, now: float, out: list[RtpEvent]) -> None:
        timestamp, frame, arrived = packet
        if frame is None:
            return
        samples = len(frame.payload)
        if self._next_timestamp is not None and timestamp != self._next_timestamp:
            self._bridge(timestamp - self._next_timestamp, samples, arrived, out)
        self._missing = 0
        self._frame_samples = samples
        self._next_timestamp = timestamp + samples
        self._last_frame_at = arrived
        out.append(frame)

    def _bridge(self, gap: int, samples: int, arrived: float, out: list[RtpEvent]) -> None:
        """Account for the time between the last frame and one that does not follow on it."""
        stats = self._stats
        elapsed = (arrived - self._last_frame_at) * stats.clock_rate
        lost = self._missing * max(samples, self._frame_samples)
        if gap < 0 or gap > elapsed + _TIMESTAMP_SLACK_S * stats.clock_rate:
            # The sender's clock was set anew: how much time went by, only the packets say.
            stats.timestamp_resets += 1
            gap = lost = max(0, min(lost, int(elapsed)))
        lost = min(lost, gap)
        if lost:
            stats.lost_samples += lost
            out.append(Lost(lost))
        if gap > lost:
            stats.silence_samples += gap - lost
            out.append(Silence(gap - lost))
