"""What one RTP stream of a capture was like: loss, jitter, gaps, packet time, talk, digits.

Packets are added one by one; a few numbers are kept of each, and the account is made at the end,
when it is known which payload type is what and how fast its clock runs.
"""

import itertools
import math
from array import array
from collections import Counter
from dataclasses import dataclass
from statistics import median

import numpy as np

from sipua.codecs.g711 import Law
from sipua.rtp.dtmf import DtmfReceiver
from sipua.rtp.packet import RtpPacket
from sipua.rtp.sequence import Unwrapper

_DYNAMIC = 96
_EVENT = "telephone-event"
_NOISE_TYPES = (13, 19)
_LAST_EVENT = 16
"""16 is the hook flash; what is above it is no telephone key."""
_MAX_EVENT_BYTES = 64
"""What is longer carries no events, whatever its payload type turns out to be."""
# A stream whose sequence number jumps further began anew.
_RESTART = 3000
# A transit time that changes by more is a clock set anew, not a network.
_CLOCK_STEP_S = 1.0
_CLOCK_RATES = (8000, 16000, 32000, 48000, 90000)
TALK_DBFS = -45.0
"""Above it a packet counts as talk, and so do the packets of the next 200 ms."""
_TALK_HANGOVER_S = 0.2
_FULL_SCALE = 32768.0
_SQUARES = {
    number: (law.decode_table.astype(np.float32) / _FULL_SCALE) ** 2
    for number, law in ((law.payload_type, law) for law in Law)
}


@dataclass(frozen=True, slots=True)
class Account:
    received: int
    expected: int
    lost: int
    duplicates: int
    reordered: int
    restarts: int
    jitter_ms: float
    jitter_max_ms: float
    max_gap_ms: float
    ptime_ms: float | None
    clock_rate: int
    markers: int
    talk_share: float | None
    digits: str


class _Digits:
    """What one payload type dials, if it is the one of the events. Time is the capture's."""

    __slots__ = ("_dialled", "_receiver")

    def __init__(self) -> None:
        self._receiver = DtmfReceiver()
        self._dialled: list[str] = []

    def add(self, at_s: float, packet: RtpPacket) -> None:
        told = self._receiver.push(
            packet.ssrc, packet.timestamp, packet.marker, packet.payload, at_s
        )
        self._dialled.extend(digit.digit for digit in told)

    def all(self) -> str:
        """With the key that was down when the capture ended; nothing may be added after it."""
        self._dialled.extend(digit.digit for digit in self._receiver.expire(math.inf))
        return "".join(self._dialled)


class StreamStatistics:
    def __init__(self) -> None:
        self.types: Counter[int] = Counter()
        self.markers = 0
        self.bytes = 0
        self.truncated = 0
        self._arrivals = array("d")
        self._sequences = array("q")
        self._timestamps = array("q")
        self._kinds = array("B")
        self._levels = array("f")
        self._unwrap_sequence = Unwrapper(16).unwrap
        self._unwrap_timestamp = Unwrapper(32).unwrap
        self._digits: dict[int, _Digits] = {}
        self._not_events: set[int] = set()

    def add(self, at_s: float, packet: RtpPacket, missing: int) -> None:
        kind = packet.payload_type
        self.types[kind] += 1
        self.markers += packet.marker
        self.bytes += len(packet.payload) + missing
        self.truncated += missing > 0
        self._arrivals.append(at_s)
        self._sequences.append(self._unwrap_sequence(packet.sequence))
        self._timestamps.append(self._unwrap_timestamp(packet.timestamp))
        self._kinds.append(kind)
        self._levels.append(_level_dbfs(kind, packet.payload))
        if not looks_like_event(packet.payload):
            self._not_events.add(kind)
        if 0 < len(packet.payload) <= _MAX_EVENT_BYTES:
            self._digits.setdefault(kind, _Digits()).add(at_s, packet)

    @property
    def begin_s(self) -> float:
        return self._arrivals[0]

    @property
    def end_s(self) -> float:
        return max(self._arrivals)

    def event_type(self, names: dict[int, str]) -> int | None:
        """The payload type of the events: as SDP names it, else a dynamic one that has carried
        nothing but what can be events.
        """
        for number in self.types:
            if names.get(number, "").lower() == _EVENT:
                return number
        for number in self.types:
            if number >= _DYNAMIC and number not in names and number not in self._not_events:
                return number
        return None

    def main_type(self, event_type: int | None) -> int:
        """What most of the packets are, events and noise aside where there is anything else."""
        aside = (event_type, *_NOISE_TYPES)
        return max(self.types, key=lambda number: (number not in aside, self.types[number]))

    def account(self, main_type: int, event_type: int | None, clock_rate: int | None) -> Account:
        rate = clock_rate or self._guess_clock_rate()
        expected, unique, reordered, restarts = self._sequence_account()
        jitter_mean, jitter_max = self._jitter_ms(event_type, rate)
        arrivals = self._arrivals
        gap_s = max((b - a for a, b in itertools.pairwise(arrivals)), default=0.0)
        ptime_ms = None if main_type == event_type else self._ptime_ms(main_type, rate)
        events = self._digits.get(-1 if event_type is None else event_type)
        return Account(
            received=len(arrivals),
            expected=expected,
            lost=expected - unique,
            duplicates=len(arrivals) - unique,
            reordered=reordered,
            restarts=restarts,
            jitter_ms=jitter_mean,
            jitter_max_ms=jitter_max,
            max_gap_ms=gap_s * 1000,
            ptime_ms=ptime_ms,
            clock_rate=rate,
            markers=self.markers,
            talk_share=self._talk_share(main_type, ptime_ms),
            digits=events.all() if events else "",
        )

    def _sequence_account(self) -> tuple[int, int, int, int]:
        """Expected, different ones received, reordered, restarts."""
        expected = unique = reordered = restarts = 0
        seen: set[int] = set()
        highest = 0
        for sequence in self._sequences:
            if seen and abs(sequence - highest) > _RESTART:
                expected += max(seen) - min(seen) + 1
                unique += len(seen)
                restarts += 1
                seen.clear()
            if not seen:
                highest = sequence
            elif sequence < highest and sequence not in seen:
                reordered += 1
            highest = max(highest, sequence)
            seen.add(sequence)
        if seen:
            expected += max(seen) - min(seen) + 1
            unique += len(seen)
        return expected, unique, reordered, restarts

    def _jitter_ms(self, event_type: int | None, rate: int) -> tuple[float, float]:
        """Mean and maximum of the running estimate of RFC 3550 §6.4.1. Events are left out: their
        timestamp is when the key was pressed, not when the packet was made.
        """
        jitter = total = highest = 0.0
        count = 0
        before = math.nan
        last_sequence = None
        rows = zip(self._arrivals, self._timestamps, self._kinds, self._sequences, strict=True)
        for arrival, timestamp, kind, sequence in rows:
            if kind == event_type or sequence == last_sequence:
                continue
            last_sequence = sequence
            transit_s = arrival - timestamp / rate
            change_s = abs(transit_s - before)
            before = transit_s
            if not change_s < _CLOCK_STEP_S:  # also the first, which has nothing before it
                continue
            jitter += (change_s - jitter) / 16
            count += 1
            total += jitter
            highest = max(highest, jitter)
        return total * 1000 / max(1, count), highest * 1000

    def _ptime_ms(self, main_type: int, rate: int) -> float | None:
        """The commonest step of the timestamp between two neighbours."""
        steps: Counter[int] = Counter()
        kinds, sequences, stamps = self._kinds, self._sequences, self._timestamps
        for index in range(1, len(kinds)):
            neighbours = sequences[index] - sequences[index - 1] == 1
            step = stamps[index] - stamps[index - 1]
            if neighbours and step > 0 and kinds[index] == kinds[index - 1] == main_type:
                steps[step] += 1
        if not steps:
            return None
        return round(steps.most_common(1)[0][0] * 1000 / rate, 2)

    def _guess_clock_rate(self) -> int:
        """Of a codec that nothing names: which usual clock fits the time that passed."""
        rates = []
        for index in range(1, len(self._arrivals)):
            passed_s = self._arrivals[index] - self._arrivals[0]
            if passed_s > 0:
                rates.append((self._timestamps[index] - self._timestamps[0]) / passed_s)
        if not rates:
            return _CLOCK_RATES[0]
        seen = max(1.0, median(rates))
        return min(_CLOCK_RATES, key=lambda rate: abs(math.log(rate / seen)))

    def _talk_share(self, main_type: int, ptime_ms: float | None) -> float | None:
        if main_type not in _SQUARES or not ptime_ms:
            return None
        talking = 0
        until_s = -math.inf
        for arrival, kind, level in zip(self._arrivals, self._kinds, self._levels, strict=True):
            if kind != main_type:
                continue
            if level > TALK_DBFS:
                until_s = arrival + _TALK_HANGOVER_S
            talking += arrival <= until_s
        duration_ms = (self.end_s - self.begin_s) * 1000 + ptime_ms
        return min(1.0, talking * ptime_ms / duration_ms)


def looks_like_event(payload: bytes) -> bool:
    """Four bytes that can be an event of a telephone's keys."""
    return len(payload) == 4 and payload[0] <= _LAST_EVENT and not payload[1] & 0x40


def _level_dbfs(kind: int, payload: bytes) -> float:
    squares = _SQUARES.get(kind)
    if squares is None or not payload:
        return -math.inf
    power = float(squares[np.frombuffer(payload, np.uint8)].mean())
    return 10 * math.log10(power) if power else -math.inf
