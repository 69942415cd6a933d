"""Sounds of our own, while neither side speaks: the filler, the hold sound, recorded prompts.

They are soft on purpose: a filler says "still there", it does not entertain. Files may replace
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.bridge.playout import sound_files
from sipua.bridge.playout.sound_files import TEXTS
from sipua.codecs import wav
from sipua.codecs.pcm import Pcm

RATE_HZ = 8000

_LEVEL_DBFS = -30.0
_RINGING_DBFS = -20.0
_SWELL_MS = 1200
_PAUSE_MS = 600


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


RINGING: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "eu": ((425.0,), (1.0, 4.0)),
    "uk": ((400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
    "us": ((440.0, 480.0), (2.0, 4.0)),
    "fr": ((440.0,), (1.5, 3.5)),
    "au": ((413.0, 438.0), (0.4, 0.2, 0.4, 2.0)),
    "jp": ((384.0, 416.0), (1.0, 2.0)),
}
"""Ringing tones (ITU-T E.180, supplement 2): their frequencies, and seconds of tone and pause. `eu`
is most of Europe."""


@cache
def ringing(where: str = "eu") -> Pcm:
    """A loop, one of `RINGING`."""
    frequencies_hz, seconds = RINGING[where]
    amplitude = 32767 * 10 ** (_RINGING_DBFS / 20) * np.sqrt(2 / len(frequencies_hz))
    parts = []
    for place, length_s in enumerate(seconds):
        at_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
        tone = sum(np.sin(2 * np.pi * hz * at_s) for hz in frequencies_hz)
        parts.append(np.zeros(len(at_s)) if place % 2 else tone * amplitude)
    return _rounded(np.concatenate(parts))


@cache
def two_tones(first_hz: float, second_hz: float) -> Pcm:
    """A signal to a person who has dialled a code. Silence at both ends: the way of the sound may
    open late."""
    pause = np.zeros(RATE_HZ // 3)
    return _rounded(np.concatenate([pause, *map(_beep, (first_hz, second_hz)), pause]))


@cache
def beep() -> Pcm:
    """Behind it one speaks."""
    return _rounded(_beep(1000.0, 0.5))


def _beep(frequency_hz: float, seconds: float = 0.25) -> NDArray[np.float64]:
    samples = np.arange(round(RATE_HZ * seconds))
    edge = np.minimum(1.0, np.minimum(samples, samples[::-1]) / (RATE_HZ / 100))  # no clicks
    amplitude = 32767 * 10 ** (_RINGING_DBFS / 20) * np.sqrt(2)
    return np.asarray(np.sin(2 * np.pi * frequency_hz * samples / RATE_HZ) * edge * amplitude)


@cache
def prompt(name: str) -> Pcm:
    """A recorded one, by its name in `TEXTS`."""
    with files(__package__).joinpath("prompts", f"{name}.wav").open("rb") as stream:
        return decoded(sound_files.examined(stream, name))


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
    return decoded(sound_files.read(path))


def decoded(sound: wav.Wav) -> Pcm:
    """One that was examined."""
    pcm = sound.samples().mean(axis=1)
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
