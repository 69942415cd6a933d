"""The engine's PCM16, cut anywhere, as samples of 8 kHz: each item is a stream of its own.

The filter's delay is dropped at its start and flushed at its end: a sample that comes out has the
place in the item that it came in with, to 0.03 ms.
"""

from __future__ import annotations

import numpy as np

from sipua.codecs.pcm import Pcm
from sipua.codecs.resample import RATE_HZ, downsampler

_BYTES_PER_SAMPLE = 2


class PcmStream:
    """One call's, at one rate."""

    __slots__ = ("_down", "_half", "_ratio", "_skip")

    def __init__(self, rate_hz: int) -> None:
        self._down = downsampler(rate_hz)
        self._ratio = rate_hz // RATE_HZ
        self._skip = 0
        self._half = b""  # of a sample

    def begin(self) -> None:
        """Another item."""
        self._half = b""
        self.go_on()

    def go_on(self) -> None:
        """The same item, behind an `end` that was none."""
        self._down.reset()
        self._skip = self._down.delay_samples

    def feed(self, audio: bytes, room: int) -> tuple[Pcm, int]:
        """The samples, of which there is room for so many, and how many bytes found none."""
        if self._half:
            audio = self._half + audio
        whole = len(audio) // _BYTES_PER_SAMPLE
        self._half = audio[whole * _BYTES_PER_SAMPLE :]
        fitting = np.frombuffer(audio, "<i2", min(whole, room * self._ratio))
        lost = (whole - len(fitting)) * _BYTES_PER_SAMPLE
        return self._in_place(self._down.process(fitting)), lost

    @property
    def held_samples(self) -> int:
        """What `end` would give."""
        return max(0, self._down.held_samples - self._skip)

    def end(self) -> Pcm:
        return self._in_place(self._down.flush())

    def _in_place(self, pcm: Pcm) -> Pcm:
        if self._skip:
            skipped = min(self._skip, len(pcm))
            self._skip -= skipped
            pcm = pcm[skipped:]
        return pcm
