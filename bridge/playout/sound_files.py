"""The files of sounds, read and examined: whether a WAV file can be played to a caller.

No audio is decoded here, so that a check of the configuration needs no numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from sipua.codecs import wav

MAX_S = 600
RATES_HZ = range(4000, 192_001)
# The texts of the prompts in prompts/, made by scripts/sound/make_prompts.sh.
TEXTS = {"sorry": "Sorry, we have a technical problem. Please call again later."}


class SoundError(ValueError):
    """A file that cannot be played to a caller; the text says what to do about it."""


def read(path: Path) -> wav.Wav:
    """A WAV file, 16 bit, any rate, mono or stereo. Raises SoundError."""
    try:
        with path.open("rb") as stream:
            return examined(stream, str(path))
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror or error}") from None


def examined(stream: IO[bytes], name: str) -> wav.Wav:
    try:
        sound = wav.read(stream, most_s=MAX_S)
    except wav.WavError as error:
        raise SoundError(f"{name}: no WAV file of PCM ({error}); save it as such") from None
    if sound.rate_hz not in RATES_HZ:
        raise SoundError(f"{name}: {sound.rate_hz} Hz; save it with 8000 to 48000")
    if sound.bits != 16:
        raise SoundError(f"{name}: {sound.bits} bit a sample; save it as 16-bit PCM")
    if sound.frames > MAX_S * sound.rate_hz:
        raise SoundError(f"{name}: longer than {MAX_S} s")
    if len(sound.data) < 2 * sound.channels:
        raise SoundError(f"{name}: there is no audio in it")
    return sound
