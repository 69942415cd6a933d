"""Tones of the network and of machines, out of the peaks of 20 ms frames.

    sound ─▶ peaks ─▶ runs of one frequency, or of two ─▶ what they mean

    beep    one frequency from 70 to 4000 Hz, 70 to 1600 ms, within 12 Hz, then 60 ms of silence
    sit     about 950, 1400 and 1800 Hz, one after the other (ITU-T E.180): the number is not in
            service, or the network says why it could not connect
    fax     2100 Hz for a second (CED, T.30), or 1100 Hz for half a second, twice (CNG)
    ring    ring-back in the audio, from a gateway that answers too early: 440 + 480 Hz or about
            425 Hz, for 0.6 s or more
    busy    480 + 620 Hz or about 425 Hz, three times, 0.15 to 0.7 s with pauses of the same length

A beep must be followed by silence, so it is told 60 ms behind its end. Before anybody has spoken a
tone about 425 Hz is taken for ring-back, and one of 1100 Hz for a fax, not for a beep. Two
frequencies at once are no beep: keys, ring-back, busy.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from sipua.codecs.peaks import Peaks

FRAME_MS: Final = 20

Meaning: TypeAlias = Literal["beep", "sit", "fax", "ring", "busy"]

_PURE = 0.88
"""Share of the power that is in a tone's frequencies."""
_PURER = 0.94
"""Of short ones, and of low ones: a vowel may be that pure for a moment."""
_DRIFT_HZ = 12.0
_SECOND = 0.12
"""Share of the weaker one of two tones."""
_FEWEST = 3
"""Frames that make a run: 40 ms windows see 70 ms of a tone in four of them, or three."""
_BROKEN = 2
"""Frames of another kind within a run, as where a packet was lost."""
_QUIET_AFTER = 3
_QUIET_DB = 15.0
"""Below the tone's level."""
_BEEP_MS = (50, 1640)
_SHORT_MS = 160
_LOW_HZ = 460.0
"""Below it a harmonic of a voice stands alone for a moment, where a word ends in m or n."""
_LOW_MS = 180
_PROGRESS_HZ = (395.0, 465.0)
_RING_MS = 600
_BUSY_MS = (140, 720)
_CED_MS = 1000
_CNG_MS = (400, 620)
_SIT_HZ = ((900.0, 1000.0), (1350.0, 1450.0), (1740.0, 1830.0))
_SIT_MS = (180, 460)
_SIT_WITHIN_MS = 1600
_PERIOD_MS = 1500
"""Busy tones follow each other within it."""
CNG_PERIOD_MS: Final = 4200
_CNG_LEAST_MS = 2900


@dataclass(frozen=True, slots=True)
class Tone:
    """A run that is over."""

    hz: float
    second_hz: float
    """0: there was one frequency only."""
    began_ms: int
    ended_ms: int
    level_db: float
    purest: float

    @property
    def ms(self) -> int:
        return self.ended_ms - self.began_ms


@dataclass(frozen=True, slots=True)
class Heard:
    """A tone, and what it means."""

    meaning: Meaning
    hz: float
    ms: int
    ended_ms: int
    cause: str


@dataclass(slots=True)
class _Run:
    hz: float
    second_hz: float
    began_ms: int
    ended_ms: int
    level_db: float
    frames: int = 1
    shares: float = 0.0
    broken: int = 0
    told: bool = False

    def go_on(self, hz: float, second_hz: float, *, share: float, level_db: float) -> None:
        """One more frame."""
        self.frames += 1
        self.shares += share
        weight = 1 / min(self.frames, 8)
        self.hz += weight * (hz - self.hz)
        self.second_hz += weight * (second_hz - self.second_hz)
        self.level_db = max(self.level_db, level_db)
        self.broken = 0

    def takes(self, hz: float, second_hz: float) -> bool:
        if (second_hz > 0) != (self.second_hz > 0):
            return False
        return abs(hz - self.hz) <= _DRIFT_HZ and abs(second_hz - self.second_hz) <= _DRIFT_HZ


class ToneTracker:
    """One stream's. Times are of its audio."""

    __slots__ = ("_last", "_quiet", "_run", "_tones", "_waits", "fax_called_ms", "speech_before")

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._tones: deque[Tone] = deque(maxlen=6)
        self._waits: Tone | None = None
        """A beep, if silence follows."""
        self._quiet = 0
        self._last: Meaning | None = None
        self.fax_called_ms = -10_000
        """Where the last tone began that may be a fax's call."""
        self.speech_before = False
        """A voice was heard: a tone about 425 Hz may be a beep from now on."""

    @property
    def began_ms(self) -> int | None:
        """Where the run that goes on began, once it is long enough to be no voice."""
        run = self._run
        return run.began_ms if run is not None and run.frames >= _FEWEST + 2 else None

    def feed(self, peaks: Peaks | None, level_db: float, now_ms: int) -> list[Heard]:
        """A frame that begins at `now_ms`; `peaks`: None, it is too soft to have any."""
        out: list[Heard] = []
        hz, second_hz, share = _tone_of(peaks)
        run = self._run
        if run is not None and hz and run.takes(hz, second_hz):
            run.go_on(hz, second_hz, share=share, level_db=level_db)
            run.ended_ms = now_ms + FRAME_MS
            self._during(run, out)
        elif run is not None:
            run.broken += 1
            soft = level_db < run.level_db - _QUIET_DB
            if soft or run.broken > _BROKEN:
                self._run = None
                self._over(run, out)
        if self._run is None and hz:
            self._run = _Run(hz, second_hz, now_ms, now_ms + FRAME_MS, level_db, shares=share)
        self._wait(level_db, out)
        return out

    def _during(self, run: _Run, out: list[Heard]) -> None:
        length = run.ended_ms - run.began_ms
        if not run.told and length >= _CED_MS and not run.second_hz and abs(run.hz - 2100) <= 15:
            run.told = True
            out.append(Heard("fax", run.hz, length, run.ended_ms, "ced"))

    def _over(self, run: _Run, out: list[Heard]) -> None:
        if run.frames < _FEWEST:
            return
        # The first window is half of the tone, the last one too: together they are one frame long.
        tone = Tone(
            run.hz,
            run.second_hz,
            run.began_ms,
            run.ended_ms - FRAME_MS // 2,
            run.level_db,
            run.shares / run.frames,
        )
        self._tones.append(tone)
        heard = self._meaning(tone)
        if heard is not None:
            out.append(heard)
            self._waits = None
        elif self._may_be_beep(tone):
            self._waits, self._quiet = tone, 0

    def _meaning(self, tone: Tone) -> Heard | None:
        meaning: tuple[Meaning, str] | None = None
        if self._is_sit(tone):
            meaning = "sit", "sit"
        elif self._is_cng(tone):
            meaning = "fax", "cng"
        elif self._is_busy():
            meaning = "busy", "busy_tone"
        elif self._is_ring_back(tone):
            meaning = "ring", "ring_back"
        if meaning is None:
            return None
        return Heard(meaning[0], tone.hz, tone.ms, tone.ended_ms, meaning[1])

    def _is_ring_back(self, tone: Tone) -> bool:
        if tone.ms < _RING_MS or not _is_progress(tone, (440.0, 480.0)):
            return False
        return tone.second_hz > 0 or not self.speech_before

    def _is_sit(self, tone: Tone) -> bool:
        last = list(self._tones)[-3:]
        return (
            len(last) == 3
            and tone.ended_ms - last[0].began_ms <= _SIT_WITHIN_MS
            and all(
                low <= one.hz <= high and not one.second_hz and _SIT_MS[0] <= one.ms <= _SIT_MS[1]
                for one, (low, high) in zip(last, _SIT_HZ, strict=True)
            )
        )

    def _is_cng(self, tone: Tone) -> bool:
        if tone.second_hz or abs(tone.hz - 1100) > 40:
            return False
        if not _CNG_MS[0] <= tone.ms <= _CNG_MS[1]:
            return False
        before, self.fax_called_ms = self.fax_called_ms, tone.began_ms
        return _CNG_LEAST_MS <= tone.began_ms - before <= CNG_PERIOD_MS

    def _is_busy(self) -> bool:
        last = list(self._tones)[-3:]
        return (
            len(last) == 3
            and all(
                _is_progress(tone, (480.0, 620.0)) and _BUSY_MS[0] <= tone.ms <= _BUSY_MS[1]
                for tone in last
            )
            and all(
                later.began_ms - earlier.ended_ms >= 100
                and later.began_ms - earlier.began_ms <= _PERIOD_MS
                for earlier, later in pairwise(last)
            )
        )

    def _may_be_beep(self, tone: Tone) -> bool:
        if tone.second_hz or not _BEEP_MS[0] <= tone.ms <= _BEEP_MS[1] or tone.hz < 65:
            return False
        if (tone.ms < _SHORT_MS or tone.hz < _LOW_HZ) and tone.purest < _PURER:
            return False
        if tone.hz < _LOW_HZ and tone.ms < _LOW_MS:
            return False
        if self.speech_before:
            return True
        is_fax = abs(tone.hz - 1100) <= 40 and tone.ms >= _CNG_MS[0]
        return not (is_fax or _PROGRESS_HZ[0] <= tone.hz <= _PROGRESS_HZ[1])

    def _wait(self, level_db: float, out: list[Heard]) -> None:
        tone = self._waits
        if tone is None:
            return
        if level_db >= tone.level_db - _QUIET_DB:
            self._waits = None
            return
        self._quiet += 1
        if self._quiet >= _QUIET_AFTER:
            self._waits = None
            out.append(Heard("beep", tone.hz, tone.ms, tone.ended_ms, "beep"))


def _tone_of(peaks: Peaks | None) -> tuple[float, float, float]:
    """Its frequencies, the lower one first, and their share; 0: it is no tone, or one only."""
    if peaks is None:
        return 0.0, 0.0, 0.0
    if peaks.share >= _PURE:
        return peaks.hz, 0.0, peaks.share
    both = peaks.share + peaks.second_share
    if both >= _PURE and peaks.second_share >= _SECOND:
        low, high = sorted((peaks.hz, peaks.second_hz))
        return low, high, both
    return 0.0, 0.0, 0.0


def _is_progress(tone: Tone, pair: tuple[float, float]) -> bool:
    """Whether it is that pair, or the one frequency that most of the world has instead."""
    if tone.second_hz:
        return abs(tone.hz - pair[0]) <= 20 and abs(tone.second_hz - pair[1]) <= 20
    return _PROGRESS_HZ[0] <= tone.hz <= _PROGRESS_HZ[1]
