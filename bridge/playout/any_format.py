"""Sounds that come as bytes: WAV, MP3, FLAC, Ogg, AIFF.

WAV of 16-bit PCM ─▶ here
all others ────────▶ a child process, one for each: sipua.bridge.playout.decoder
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from io import BytesIO
from typing import Final

import numpy as np

from sipua.bridge.playout import sound_files, sounds
from sipua.bridge.playout.decoder import UNPLAYABLE
from sipua.bridge.playout.sound_files import MAX_S, SoundError
from sipua.codecs.pcm import Pcm

_WITHIN_S: Final = 30.0
_COMMAND: Final = (sys.executable, "-m", "sipua.bridge.playout.decoder")
_KEPT: Final = ("PATH", "PYTHON", "LD_", "VIRTUAL_ENV")
"""Beginnings of the variables that the child gets: others may be keys."""
_WAV: Final = "WAV"
_MP3: Final = "MP3"
_MOST_VARIED: Final = 64
"""How many times as long as its first frame a frame of MP3 may be, and more."""


def format_of(data: bytes) -> str:
    """By its first bytes, as libsndfile does it. Empty: none of those that are played."""
    match data[:4]:
        case b"RIFF" if data[8:12] == b"WAVE":
            return _WAV
        case b"FORM" if data[8:12] in (b"AIFF", b"AIFC"):
            return "AIFF"
        case b"fLaC":
            return "FLAC"
        case b"OggS":
            return "Ogg"
    if data[:3] == b"ID3" or _begins_a_frame(data):
        return _MP3
    return ""


def _begins_a_frame(data: bytes) -> bool:
    """Of MPEG audio; without a layer it is AAC."""
    return len(data) > 1 and data[0] == 0xFF and data[1] >= 0xE0 and bool(data[1] & 0x06)


def decoded(data: bytes, name: str) -> Pcm:
    """As the phone will hear it. `name`: for errors. Raises SoundError."""
    kind = format_of(data)
    if not kind:
        raise SoundError(f"{name}: it is neither WAV nor MP3, FLAC, Ogg or AIFF")
    installed = find_spec("soundfile") is not None
    if kind == _WAV:
        try:
            return _of_wav(data, name)
        except SoundError:
            if not installed:
                raise
    if not installed:
        raise SoundError(
            f"{name}: {kind} needs soundfile, which is not installed: pip install 'sipua[sounds]'; "
            "a WAV file of 16-bit PCM does not"
        )
    with os.fdopen(os.memfd_create("sound"), "w+b") as file:
        file.write(data)
        if kind == _MP3:
            # Without a count of frames in it, its length is guessed by its first frame, and is the
            # end: too early, if further frames are smaller. With zeros behind it the guess is high.
            file.truncate(_MOST_VARIED * len(data))
        file.seek(0)
        return _by_child(file.fileno(), name)


def _of_wav(data: bytes, name: str) -> Pcm:
    pcm = sounds.decoded(sound_files.examined(BytesIO(data), name))
    if not len(pcm):  # a few frames of a high rate are none at 8 kHz
        raise SoundError(f"{name}: there is no audio in it")
    return pcm


def _by_child(descriptor: int, name: str) -> Pcm:
    environment = {key: value for key, value in os.environ.items() if key.startswith(_KEPT)}
    try:
        ran = subprocess.run(  # noqa: S603 - a module of ours, with data as its stdin
            _COMMAND,
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the libraries complain there of each defect
            timeout=_WITHIN_S,
            check=False,
            env={**environment, "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise SoundError(f"{name}: it was not decoded within {_WITHIN_S:g} s") from None
    except OSError as error:
        raise SoundError(f"{name}: it cannot be decoded here: {error.strerror or error}") from None
    if ran.returncode == UNPLAYABLE:
        raise SoundError(f"{name}: it {ran.stdout[:300].decode(errors='replace')}")
    if ran.returncode or len(ran.stdout) > (MAX_S + 1) * sounds.RATE_HZ * 2:
        raise SoundError(f"{name}: its decoder has failed ({_end(ran.returncode)})")
    pcm: Pcm = np.frombuffer(ran.stdout, "<i2").astype(np.int16)
    pcm.flags.writeable = False  # calls may share it
    return pcm


def _end(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"
