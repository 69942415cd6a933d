"""WAV files at 8 kHz that grow, and can be played at any moment.

Their header has the sizes of what is written so far; they are written again after each piece. So a
process that is killed leaves a file with all but the last second. Samples are PCM of 16 bit, or
G.711: half of the size, and no loss against what was on the wire.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence
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
"""Bytes of a WAV file: its sizes have 32 bits. It is 37 hours of PCM with both sides."""


class FullFileError(OSError):
    """A WAV file cannot have more."""


class _GrowingWav:
    def __init__(self, path: Path, channels: int, law: Law | None = None) -> None:
        """`law`: the samples are written in it; None: as PCM. Raises OSError."""
        self._law = law
        self._channels = channels
        self.frame_bytes = channels * (2 if law is None else 1)
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

    def close(self) -> None:
        """What a failed write has left behind is cut off. Raises OSError."""
        try:
            self._file.truncate(self.header_bytes + self.frames * self.frame_bytes)
        finally:
            self._file.close()

    def _add(self, data: bytes) -> None:
        """Whole frames. Raises OSError; then none of them are in the file."""
        at = self.header_bytes + self.frames * self.frame_bytes
        if at + len(data) > _LARGEST:
            raise FullFileError("a WAV file cannot be longer")
        self._write(at, data)
        self.frames += len(data) // self.frame_bytes
        self._write(0, self._header())

    def _write(self, at: int, data: bytes) -> None:
        descriptor = self._file.fileno()
        while data:
            written = os.pwrite(descriptor, data, at)
            data, at = data[written:], at + written

    def _header(self) -> bytes:
        data_bytes = self.frames * self.frame_bytes
        sample_bytes = self.frame_bytes // self._channels
        tag = _PCM if self._law is None else _TAGS[self._law]
        form = struct.pack(
            "<HHIIHH",
            tag,
            self._channels,
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


class StereoWav(_GrowingWav):
    """Both sides of a call."""

    def __init__(self, path: Path, law: Law | None = None) -> None:
        super().__init__(path, 2, law)

    def write(self, left: Pcm, right: Pcm) -> None:
        """Add samples of both channels. Raises OSError; then none of them are in the file."""
        both = np.empty((len(left), 2), np.int16)
        both[:, 0], both[:, 1] = left, right
        self._add(both.astype("<i2").tobytes() if self._law is None else encode(self._law, both))


class MonoWav(_GrowingWav):
    """One side, as PCM."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 1)

    def write(self, pieces: Sequence[Pcm]) -> None:
        """Add them, one behind the other. Raises OSError; then none of them are in the file."""
        self._add(b"".join(piece.astype("<i2").tobytes() for piece in pieces))

    def cut(self, frames: int) -> None:
        """Only the first ones stay. Raises OSError."""
        self.frames = min(self.frames, frames)
        self._write(0, self._header())
