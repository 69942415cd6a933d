"""The sound of `sipua call`: WAV files in and out, at the engine's 24 kHz."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import soxr

from sipua.codecs import wav
from sipua.codecs.pcm import Pcm

RATE_HZ = 24_000
_ADVICE = "it must be a WAV file of 16 bit PCM"


class SoundError(Exception):
    """The file is no WAV file that can be played."""


def load(path: Path) -> bytes:
    """The first channel of the file, of any sample rate, as 24 kHz PCM."""
    try:
        with path.open("rb") as file:
            sound = wav.read(file)
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror}") from None
    except wav.WavError as error:
        raise SoundError(f"{path}: {error}; {_ADVICE}") from None
    if sound.bits != 16:
        raise SoundError(f"{path}: {sound.bits} bit; {_ADVICE}")
    first = sound.samples()[:, 0]
    if not len(first):
        raise SoundError(f"{path}: there is no sound in it")
    if sound.rate_hz == RATE_HZ:
        return first.tobytes()
    resampled: Pcm = soxr.resample(np.ascontiguousarray(first), sound.rate_hz, RATE_HZ)
    return resampled.astype("<i2").tobytes()


def save(path: Path, pcm: Pcm) -> None:
    with path.open("wb") as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(pcm.astype("<i2").tobytes())


def check_writable(path: Path) -> None:
    """Raise SoundError before the call when the recording cannot be written. Only its owner may
    read a new file: it will hold what people said."""
    try:
        path.touch(mode=0o600)
        with path.open("ab"):
            """A file that can be opened for writing can be written."""
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror}") from None


def level_dbfs(pcm: Pcm) -> float | None:
    """RMS level: a full-scale sine is -3. None without samples."""
    if not len(pcm):
        return None
    power = float(np.mean(np.square(pcm.astype(np.float64))))
    return round(10 * math.log10(max(power, 1e-9) / 32768**2), 1)
