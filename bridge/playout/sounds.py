"""Sounds of our own, while neither side speaks: the filler, the hold sound, recorded prompts.

They are soft on purpose: a filler says "still there", it does not entertain. Files may replace
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.codecs import wav
from sipua.codecs.pcm import Pcm

RATE_HZ = 8000
MAX_S = 600
# The texts of the prompts in prompts/, made by scripts/sound/make_prompts.sh.
TEXTS = {"sorry": "Sorry, we have a technical problem. Please call again later."}

_LEVEL_DBFS = -30.0
_SWELL_MS = 1200
_PAUSE_MS = 600


class SoundError(ValueError):
    """A file that cannot be played to a caller; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """What one call has at hand, at 8 kHz."""

    filler: Pcm | None = None
    """While there is no engine and nothing else to hear. None: silence."""
    filler_delay_ms: int = 700
    hold: Pcm | None = None
    """While we have put the caller on hold. None: silence."""


@cache
def soft_filler() -> Pcm:
    """A loop: a fifth that swells and fades, twice, the second time a tone lower."""
    return np.concatenate([_swell(392.0, 587.3), _swell(349.2, 523.3)])


@cache
def soft_hold() -> Pcm:
    """A loop: four slow chords."""
    roots = (261.6, 220.0, 174.6, 196.0)
    return np.concatenate([_swell(root, root * 1.498, root * 2) for root in roots])


@cache
def prompt(name: str) -> Pcm:
    """A recorded one, by its name in `TEXTS`."""
    with files(__package__).joinpath("prompts", f"{name}.wav").open("rb") as stream:
        return _read(stream, name)


def named(name: str) -> Pcm:
    """As a configuration names it: one of `TEXTS`, or a file."""
    return prompt(name) if name in TEXTS else load(Path(name))


@cache
def load(path: Path) -> Pcm:
    """As `read`, once in the life of a process, which takes milliseconds: what a call may have to
    play is loaded before there are calls.
    """
    return read(path)


def read(path: Path) -> Pcm:
    """A WAV file, 16 bit, any rate, mono or stereo, as the phone will hear it."""
    try:
        with path.open("rb") as stream:
            return _read(stream, str(path))
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror or error}") from None


def _read(stream: IO[bytes], name: str) -> Pcm:
    try:
        sound = wav.read(stream, most_s=MAX_S)
    except wav.WavError as error:
        raise SoundError(f"{name}: no WAV file of PCM ({error}); save it as such") from None
    if sound.bits != 16:
        raise SoundError(f"{name}: {sound.bits} bit a sample; save it as 16-bit PCM")
    if sound.frames > MAX_S * sound.rate_hz:
        raise SoundError(f"{name}: longer than {MAX_S} s")
    samples = sound.samples()
    if not len(samples):
        raise SoundError(f"{name}: there is no audio in it")
    pcm = samples.mean(axis=1)
    if sound.rate_hz != RATE_HZ:
        pcm = np.asarray(soxr.resample(pcm, sound.rate_hz, RATE_HZ, "VHQ"))
    return _rounded(pcm)


def _swell(*frequencies_hz: float) -> Pcm:
    samples = np.arange(_SWELL_MS * RATE_HZ // 1000)
    rise = np.sin(np.pi * samples / len(samples)) ** 2
    tone = sum(np.sin(2 * np.pi * hz * samples / RATE_HZ) for hz in frequencies_hz)
    # Mean level while it sounds: the tones have half their power each, the swell 3/8 of it.
    amplitude = 32767 * 10 ** (_LEVEL_DBFS / 20) / np.sqrt(len(frequencies_hz) / 2 * 3 / 8)
    pause = np.zeros(_PAUSE_MS * RATE_HZ // 1000)
    return _rounded(np.concatenate([tone * rise * amplitude, pause]))


def _rounded(signal: NDArray[np.float64]) -> Pcm:
    pcm: Pcm = np.rint(np.clip(signal, -32768, 32767)).astype(np.int16)
    pcm.flags.writeable = False  # all calls share it
    return pcm
