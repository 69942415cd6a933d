"""When the other side has spoken: words, utterances and pauses, out of 20 ms frames.

    frame ─▶ is it a tone, or steady noise? ─▶ voice detection ─▶ words ─▶ utterances

Voice detection is `codecs/vad.py`, with 100 ms of silence between two words. Two things that it
takes for speech are none, and are known only a little later: a tone, and the noise of a line, which
is steady, as speech never is for half a second. Then the word that they had begun is withdrawn.
Others who talk in the same room are softer than the one at the telephone: what is far below the
loudest that was said is none of it.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from typing import Final

import numpy as np

from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import EnergyVad, SpeechStarted, SpeechStopped, VadConfig

FRAME_MS: Final = 20
WORD_GAP_MS: Final = 100
"""Of silence between two words."""

_SHORTEST_WORD_MS = 80
_STEADY_FRAMES = 25
_STEADY_DB = 5.0
"""Between the softest and the loudest of so many frames: what varies less is a machine."""
_ABOVE_NOISE_DB = 6.0
_LOUDEST = 10
"""Frames that say how loud the one at the telephone speaks: a fifth of a second."""
_BEHIND_DB = 12.0
"""So far below it is somebody else; or the end of a word that fades."""
_FULL_SCALE_DB = 20 * math.log10(32768.0)
_SILENCE = np.zeros(160, np.int16)


class Timeline:
    """One stream's; times are of its audio, from 0 on."""

    __slots__ = (
        "_before_ms",
        "_levels",
        "_loudest",
        "_noise_db",
        "_vad",
        "_word_ms",
        "first_ms",
        "last_ms",
        "level_db",
        "now_ms",
        "voiced_ms",
        "words",
    )

    def __init__(self, now_ms: int = 0) -> None:
        config = VadConfig(prefix_padding_ms=0, silence_duration_ms=WORD_GAP_MS)
        self._vad = EnergyVad(config, 8000, now_ms)
        self._levels: deque[float] = deque(maxlen=_STEADY_FRAMES)
        self._noise_db = -120.0
        self._word_ms: int | None = None  # where the word that goes on began
        self._before_ms = -1  # the end of the word before it
        self.now_ms = now_ms
        self.level_db = -120.0
        """Of the last frame."""
        self.begin()

    def begin(self) -> None:
        """What was said so far is no part of what is counted from now on."""
        self._loudest: list[float] = []  # the softest of them first; it may be somebody else now
        self.first_ms: int | None = None
        """Where the first word began."""
        self.last_ms = -1
        """Where the last one ended, or `now_ms` while it goes on."""
        self.words = 0
        self.voiced_ms = 0
        self._word_ms = self.now_ms if self._word_ms is not None else None

    @property
    def speaking(self) -> bool:
        return self._word_ms is not None

    @property
    def span_ms(self) -> int:
        """From the first word to the last one, pauses included."""
        return 0 if self.first_ms is None else self.last_ms - self.first_ms

    @property
    def pause_ms(self) -> int:
        """Since the last word; 0 while one goes on, or before the first one."""
        return 0 if self.first_ms is None or self.speaking else self.now_ms - self.last_ms

    def feed(self, frame: Pcm, *, tone: bool) -> None:
        """20 ms; `tone`: it is known to be one."""
        self.level_db = level_db = _level_db(frame)
        self._levels.append(level_db)
        steady = self._steady_db()
        noise = steady is not None or level_db < self._noise_db + _ABOVE_NOISE_DB
        if steady is not None:
            self._noise_db = steady
        if tone or noise:
            if steady is not None and self._word_ms is not None:
                self.withdraw(self.now_ms - (_STEADY_FRAMES - 1) * FRAME_MS)
            frame = _SILENCE
        elif self._is_behind(level_db):
            frame = _SILENCE
        for event in self._vad.feed(frame):
            if isinstance(event, SpeechStarted):
                self._began(event.audio_start_ms)
            elif isinstance(event, SpeechStopped):
                self._ended(event.audio_end_ms - WORD_GAP_MS)
        self.now_ms += FRAME_MS
        if self._word_ms is not None:
            self.last_ms = self.now_ms

    def withdraw(self, since_ms: int) -> None:
        """What has sounded since then was no voice."""
        self._vad.end_turn()
        if self._word_ms is None:
            return
        began, self._word_ms = self._word_ms, None
        if since_ms - began >= _SHORTEST_WORD_MS:
            self._word_ms = began
            self._ended(since_ms)
        elif self.first_ms == began:
            self.first_ms, self.last_ms = None, -1
        else:
            self.last_ms = self._before_ms

    def _began(self, at_ms: int) -> None:
        self._before_ms = self.last_ms
        self._word_ms = at_ms
        if self.first_ms is None:
            self.first_ms = at_ms
        self.last_ms = self.now_ms

    def _ended(self, at_ms: int) -> None:
        if self._word_ms is None:
            return
        began, self._word_ms = self._word_ms, None
        self.words += 1
        self.voiced_ms += max(0, at_ms - began)
        self.last_ms = at_ms

    def _is_behind(self, level_db: float) -> bool:
        """Whether it is softer than the one at the telephone ever speaks."""
        loudest = self._loudest
        if self.speaking and (len(loudest) < _LOUDEST or level_db > loudest[0]):
            insort(loudest, level_db)
            del loudest[:-_LOUDEST]
        return len(loudest) == _LOUDEST and level_db < loudest[0] - _BEHIND_DB

    def _steady_db(self) -> float | None:
        """The level of the last half second, if it was the same all the time."""
        levels = self._levels
        if len(levels) < _STEADY_FRAMES:
            return None
        low, high = min(levels), max(levels)
        return high if high - low <= _STEADY_DB else None


def _level_db(frame: Pcm) -> float:
    wide = frame.astype(np.float32)
    power = float(wide @ wide) / len(frame)
    return 10.0 * math.log10(power) - _FULL_SCALE_DB if power > 1e-3 else -120.0
