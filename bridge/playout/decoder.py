"""The child process that decodes one sound by libsndfile: a file is its stdin, samples its stdout.

libsndfile and the decoders in it (mpg123, FLAC, Vorbis, Opus) are C that reads foreign bytes. None
of it runs in a process that carries calls: what a hostile file breaks, or makes endless, is this
process, which has no calls, none of the keys in the environment, and an end.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import soxr

from sipua.bridge.playout.sound_files import MAX_S, RATES_HZ
from sipua.bridge.playout.sounds import RATE_HZ
from sipua.codecs.pcm import Pcm

UNPLAYABLE: Final = 3
"""The exit code when stdout has the reason in words."""
MOST_CHANNELS: Final = 2
_FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"})
_BLOCK_FRAMES: Final = 8192
_MEMORY_BYTES: Final = 512 << 20
"""Of address space; it takes 170 MB, and uses 55."""
_CPU_S: Final = 20
"""Ten minutes of the costliest format take 5 s."""


class UndecodableError(Exception):
    """The text goes on from "it …"."""


def decoded(descriptor: int) -> Pcm:
    """The samples of a file that can be sought in, at 8 kHz. Raises UndecodableError."""
    try:
        import soundfile  # noqa: PLC0415 - an extra, which may lack its library
    except (ImportError, OSError) as error:
        raise UndecodableError(f"needs soundfile, which cannot be loaded: {error}") from None
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as file:
            return _samples(file, soundfile.LibsndfileError)
    except soundfile.LibsndfileError as error:
        words = f"cannot be decoded, it may be broken (libsndfile: {error.error_string})"
        raise UndecodableError(words) from None


def _samples(file: Any, error: type[Exception]) -> Pcm:
    if file.format not in _FORMATS:
        raise UndecodableError(f"is {file.format}, which is not played")
    rate_hz, channels = file.samplerate, file.channels
    if rate_hz not in RATES_HZ:
        raise UndecodableError(f"has {rate_hz} Hz; save it with 8000 to 48000")
    if channels > MOST_CHANNELS:
        raise UndecodableError(f"has {channels} channels; save it with one or two")
    resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="VHQ")
    parts, frames, most = [], 0, MAX_S * rate_hz
    for block in _blocks(file, error):
        frames += len(block)
        if frames > most:
            raise UndecodableError(f"is longer than {MAX_S} s")
        # A file of floats may hold anything.
        mono = np.clip(np.nan_to_num(block), -1, 1).mean(axis=1)
        parts.append(_rounded(resampler.resample_chunk(mono)))
    parts.append(_rounded(resampler.resample_chunk(np.empty(0, np.float32), last=True)))
    pcm: Pcm = np.concatenate(parts)
    if not len(pcm):  # nor are a few frames of a high rate
        raise UndecodableError("has no audio in it")
    return pcm


def _blocks(file: Any, error: type[Exception]) -> Iterator[Any]:
    """Of a file that breaks off, what comes before."""
    file.seekable = lambda: False  # it would seek behind each block, to where it is already
    buffer = np.empty((_BLOCK_FRAMES, file.channels), np.float32)
    while True:
        buffer.fill(np.nan)
        try:
            block = file.read(out=buffer)
        except error:
            # How much has come is lost with the exception.
            yield buffer[~np.isnan(buffer[:, 0])]
            return
        if not len(block):
            return
        yield block


def _rounded(part: Any) -> Pcm:
    pcm: Pcm = np.rint(np.clip(part * 32768, -32768, 32767)).astype("<i2")
    return pcm


def _bound() -> None:
    """What it may use, from now on. A sandbox may forbid to say so."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 10)
    # Who has used up its time gets SIGXCPU at the first number, and SIGKILL at the second.
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most + 1))


def _child() -> int:
    _bound()
    try:
        answer, code = decoded(sys.stdin.fileno()).tobytes(), 0
    except UndecodableError as error:
        answer, code = str(error).encode(), UNPLAYABLE
    except MemoryError:
        answer, code = b"needs too much memory", UNPLAYABLE
    sys.stdout.buffer.write(answer)
    return code


if __name__ == "__main__":
    sys.exit(_child())
