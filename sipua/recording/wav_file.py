"""A stereo WAV file at 8 kHz that grows, and can be played at any moment.

Its header has the sizes of what is written so far; they are written again after each piece. So a
process that is killed leaves a file with all but the last second. Samples are PCM of 16 bit, or
G.711: half of the size, and no loss against what was on the wire.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Final

import numpy as np

from sipua.codecs.g711 import Law, encode
from sipua.codecs.pcm import Pcm
from sipua.process.disk import make_private

_RATE_HZ: Final = 8000
_PCM: Final = 1
_TAGS: Final = {Law.PCMA: 6, Law.PCMU: 7}
_LARGEST: Final = 0xFFFF_0000
"""Bytes of a WAV file: its sizes have 32 bits. It is 37 hours of PCM."""


class FullFileError(OSError):
    """A WAV file cannot have more."""


class StereoWav:
    def __init__(self, path: Path, law: Law | None = None) -> None:
        """`law`: the samples are written in it; None: as PCM. Raises OSError."""
        self._law = law
        self.frame_bytes = 4 if law is None else 2
        self.header_bytes = 44 if law is None else 58
        self.frames = 0
        make_private(path)
        self._file = path.open("r+b", buffering=0)
        try:
            # Held as long as we live: who finds the file unlocked knows that its writer is gone.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.truncate(0)
            self._write(0, self._header())
        except OSError:
            self._file.close()
            raise

    def write(self, left: Pcm, right: Pcm) -> None:
        """Add samples of both channels. Raises OSError; then none of them are in the file."""
        data = self._interleaved(left, right)
        at = self.header_bytes + self.frames * self.frame_bytes
        if at + len(data) > _LARGEST:
            raise FullFileError("a WAV file cannot be longer")
        self._write(at, data)
        self.frames += len(left)
        self._write(0, self._header())

    def close(self) -> None:
        """What a failed write has left behind is cut off. Raises OSError."""
        try:
            self._file.truncate(self.header_bytes + self.frames * self.frame_bytes)
        finally:
            self._file.close()

    def _write(self, at: int, data: bytes) -> None:
        descriptor = self._file.fileno()
        while data:
            written = os.pwrite(descriptor, data, at)
            data, at = data[written:], at + written

    def _interleaved(self, left: Pcm, right: Pcm) -> bytes:
        both = np.empty((len(left), 2), np.int16)
        both[:, 0], both[:, 1] = left, right
        return both.astype("<i2").tobytes() if self._law is None else encode(self._law, both)

    def _header(self) -> bytes:
        data_bytes = self.frames * self.frame_bytes
        sample_bytes = self.frame_bytes // 2
        tag = _PCM if self._law is None else _TAGS[self._law]
        form = struct.pack(
            "<HHIIHH",
            tag,
            2,
            _RATE_HZ,
            _RATE_HZ * self.frame_bytes,
            self.frame_bytes,
            8 * sample_bytes,
        )
        fact = b""
        if self._law is not None:  # all but PCM have these
            form += struct.pack("<H", 0)
            fact = struct.pack("<4sII", b"fact", 4, self.frames)
        body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + fact
        body += struct.pack("<4sI", b"data", data_bytes)
        return struct.pack("<4sI", b"RIFF", len(body) + data_bytes) + body
