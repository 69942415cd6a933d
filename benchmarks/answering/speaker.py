"""The speaker of the corpus: espeak-ng, many voices and speeds, at 8 kHz as a telephone has it."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from io import BytesIO
from random import Random

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.bench.common.errors import BenchError
from sipua.codecs import wav

Signal = NDArray[np.float64]

RATE_HZ = 8000
PROGRAM = "espeak-ng"
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5")
_LEVEL = 10 ** (-20 / 20)
_FLOOR = 10 ** (-50 / 20)
_LONGEST_S = 30.0


def check() -> None:
    """Raises BenchError."""
    if shutil.which(PROGRAM) is None:
        raise BenchError(
            f"{PROGRAM} is missing, which speaks the corpus: apt-get install {PROGRAM}"
        )


class Voice:
    """One speaker of one call."""

    def __init__(self, chance: Random, language: str) -> None:
        self._chance = chance
        self._voice = language + chance.choice(VARIANTS)
        self._speed = chance.randint(125, 205)
        self._pitch = chance.randint(25, 75)

    def say(self, text: str) -> Signal:
        """The text, with pauses of chance where it has `|`."""
        parts: list[Signal] = []
        for piece in text.split("|"):
            if parts:
                parts.append(silence(self._pause_s()))
            parts.append(_spoken(piece.strip(), self._voice, self._speed, self._pitch))
        return np.concatenate(parts)

    def _pause_s(self) -> float:
        """Mostly short, as in greetings that are read; some as long as somebody who thinks."""
        return min(1.4, self._chance.lognormvariate(-0.9, 0.55))


def silence(seconds: float) -> Signal:
    return np.zeros(round(seconds * RATE_HZ))


@lru_cache(maxsize=64)
def _spoken(text: str, voice: str, speed: int, pitch: int) -> Signal:
    command = [PROGRAM, "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", "--", text]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S, check=True)  # noqa: S603
        sound = wav.read(BytesIO(done.stdout), most_s=_LONGEST_S)
    except (OSError, subprocess.SubprocessError, wav.WavError) as error:
        raise BenchError(f"{PROGRAM} cannot say {text[:40]!r}: {error}") from None
    pcm = sound.samples().mean(axis=1) / 32768
    pcm = np.asarray(soxr.resample(pcm, sound.rate_hz, RATE_HZ, "HQ"), np.float64)
    spoken = levelled(pcm)
    if not len(spoken):
        raise BenchError(f"{PROGRAM} says nothing for {text[:40]!r}")
    return spoken


def levelled(pcm: Signal) -> Signal:
    """As a telephone carries it: without the silence at both ends, and as loud as all others."""
    loud = np.flatnonzero(np.abs(pcm) > _FLOOR)
    if not len(loud):
        return silence(0)
    pcm = pcm[loud[0] : loud[-1] + 1]
    return _as_by_telephone(pcm * (_LEVEL / np.sqrt(np.mean(pcm**2))))


def _as_by_telephone(pcm: Signal) -> Signal:
    """300 to 3400 Hz, with soft edges."""
    spectrum = np.fft.rfft(pcm)
    hz = np.fft.rfftfreq(len(pcm), 1 / RATE_HZ)
    low = np.clip((hz - 150) / 150, 0.03, 1.0)
    high = np.clip((3700 - hz) / 300, 0.0, 1.0)
    return np.fft.irfft(spectrum * low * high, len(pcm))
