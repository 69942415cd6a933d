"""Digits as telephone events (RFC 4733): what comes in to one Dtmf each, digits out to payloads.

A digit is reported when it is over: at its first end packet, when the next event begins, or when
nothing more of it came for `SILENCE_S` (all three end packets lost). It is reported once: an event
is identified by its SSRC, its timestamp and its code, not by its packets, whatever their number,
their order or their SSRC.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from sipua.rtp.events import Dtmf

DIGITS = "0123456789*#ABCD"

# Senders repeat an event every 50 ms or more often (§2.5.1.2): four of them were lost.
SILENCE_S = 0.2
# How long a reported event is remembered: its end packets may come late or twice.
_MEMORY_S = 2.0
_REMEMBERED = 16
# Fastest dialling is 12 digits a second. A faster sender is no keypad, and would fill the log.
MAX_PER_S = 32

_BLOCK = Struct("!BBH")
_END, _VOLUME = 0x80, 0x3F
_MAX_DURATION = 0xFFFF
# Without a marker, events less than this apart (50 ms) are one event.
_JOINED = 400
_JOINED_S = 0.1


@dataclass(slots=True)
class _Report:
    """One event as one packet reports it."""

    ssrc: int
    timestamp: int
    marker: bool
    code: int
    end: bool
    duration: int


@dataclass(slots=True)
class _Event:
    ssrc: int
    code: int
    began: int
    """Timestamp of its first segment."""
    segment: int
    """Timestamp of the present segment: after 8 s a long event goes on in a new one (§2.5.1.3)."""
    seen_at: float
    duration: int = 0
    """Samples of the present segment."""
    over: bool = False

    @property
    def samples(self) -> int:
        return ((self.segment - self.began) & 0xFFFFFFFF) + self.duration

    def extend(self, timestamp: int, duration: int) -> None:
        behind = (timestamp - self.segment) & 0xFFFFFFFF
        if not behind:
            # Some senders let the 16 bits wrap instead of starting a segment; some packets are
            # reordered.
            step = (duration - self.duration) & _MAX_DURATION
            if step <= _MAX_DURATION // 2:
                self.duration += step
        elif behind < 1 << 31:  # else a packet of an earlier segment
            self.segment, self.duration = timestamp, duration


class DtmfReceiver:
    """All events of one call. Call `expire` at `deadline`."""

    __slots__ = ("_current", "_emitted", "_known", "_reported_at", "counters", "deadline")

    def __init__(self) -> None:
        self._current: _Event | None = None
        self._known: deque[_Event] = deque(maxlen=_REMEMBERED)
        self._reported_at: deque[float] = deque(maxlen=MAX_PER_S)
        self.deadline: float | None = None
        """When to call expire(); None while no key is down."""
        self.counters = {"digits": 0, "end_lost": 0, "malformed": 0, "not_digits": 0, "excess": 0}

    def push(
        self, ssrc: int, timestamp: int, marker: bool, payload: bytes, now: float
    ) -> Sequence[Dtmf]:
        """One packet of the event payload type; it may report several events (§2.5.1.5)."""
        out = list(self.expire(now))  # the timer may be late
        if not payload or len(payload) % _BLOCK.size:
            self.counters["malformed"] += 1
            return out
        for code, flags, duration in _BLOCK.iter_unpack(payload):
            if code < len(DIGITS):
                end = bool(flags & _END)
                self._take(_Report(ssrc, timestamp, marker, code, end, duration), now, out)
            else:
                self.counters["not_digits"] += 1  # a hook flash, a fax or modem tone
            timestamp = (timestamp + duration) & 0xFFFFFFFF
        return out

    def expire(self, now: float) -> Sequence[Dtmf]:
        """End the key that is down when nothing more of it came: its end packets were lost."""
        if self.deadline is None or now < self.deadline:
            return ()
        out: list[Dtmf] = []
        self.counters["end_lost"] += 1
        self._finish(now, out)
        return out

    def _take(self, report: _Report, now: float, out: list[Dtmf]) -> None:
        event = self._find(report, now)
        if event is None:
            if self._current is not None:
                self.counters["end_lost"] += 1
                self._finish(now, out)
            event = _Event(report.ssrc, report.code, report.timestamp, report.timestamp, now)
            event.duration = report.duration
            self._known.append(event)
            self._current = event
        elif event.over:
            event.seen_at = now
            return
        else:
            event.extend(report.timestamp, report.duration)
        event.seen_at = now
        if report.end:
            self._finish(now, out)
        else:
            self.deadline = now + SILENCE_S

    def _find(self, report: _Report, now: float) -> _Event | None:
        """The event of this report, searched newest first; None: a new event."""
        for event in reversed(self._known):
            if event.ssrc != report.ssrc or event.code != report.code:
                continue
            if now - event.seen_at > _MEMORY_S:
                continue
            if report.timestamp in (event.began, event.segment):
                return event
            if report.marker:
                continue
            # Behind the start, and not behind the end by more than a little: the next segment of a
            # long event, or a sender that moves its timestamp with each packet. Between two strokes
            # of one key there is a pause, and a marker.
            behind = (report.timestamp - event.began) & 0xFFFFFFFF
            if behind <= event.samples + _JOINED and (
                not event.over or (report.end and now - event.seen_at <= _JOINED_S)
            ):
                return event
            segment = (report.timestamp - event.segment) & 0xFFFFFFFF
            if not event.over and segment == _MAX_DURATION:
                return event
        return None

    def _finish(self, now: float, out: list[Dtmf]) -> None:
        event = self._current
        assert event is not None
        event.over = True
        self._current = None
        self.deadline = None
        if len(self._reported_at) == MAX_PER_S and now - self._reported_at[0] < 1.0:
            self.counters["excess"] += 1
            return
        self._reported_at.append(now)
        self.counters["digits"] += 1
        out.append(Dtmf(DIGITS[event.code], event.samples // 8, inband=False))


@dataclass(frozen=True, slots=True)
class EventPacket:
    """Send it with the timestamp of `age_samples` ago: an event's timestamp is its beginning."""

    payload: bytes
    age_samples: int
    marker: bool


class DtmfSender:
    """One digit on its way out. Time is the caller's: `advance` for each frame that goes by.

    The first packet has the marker, each one the duration so far; when the digit is over its end
    is sent three times (§2.5.1.4). A digit of more than 8 s would need segments: it is not made.
    """

    __slots__ = ("_age", "_code", "_ends", "_samples", "_volume")

    def __init__(self, digit: str, duration_ms: int, *, volume_dbm0: int = -10) -> None:
        self._code = DIGITS.index(digit)
        self._samples = min(duration_ms * 8, _MAX_DURATION)
        self._volume = min(-volume_dbm0, _VOLUME)
        self._age = 0
        self._ends = 0

    @property
    def over(self) -> bool:
        return self._ends == 3

    def advance(self, samples: int) -> EventPacket:
        """The packet of the frame that begins now and lasts for `samples`."""
        age = self._age
        self._age = age + samples
        end = self._age >= self._samples
        flags = self._volume
        if end:
            self._ends += 1
            flags |= _END
        duration = min(self._age, self._samples)
        return EventPacket(_BLOCK.pack(self._code, flags, duration), age, marker=age == 0)
