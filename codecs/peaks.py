"""The one or two sines that a stretch of sound is made of, as far as it is made of such.

A window of 40 ms is looked at every 20 ms: a sine then has its power within 50 Hz of its place, and
the harmonics of any voice above 100 Hz are told apart. `share` is how much of the power lies there:
0.99 for a tone on a clean line, below 0.7 for nearly all of speech. On a clean line frequencies are
exact to 2 Hz.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.pcm import Pcm

HOP: Final = 160
WINDOW: Final = 2 * HOP

_RATE_HZ = 8000
_SIZE = 512
_BIN_HZ = _RATE_HZ / _SIZE
_LOBE = 4
"""Bins to each side that a sine reaches: the window's main lobe."""
_HANN: NDArray[np.float32] = np.hanning(WINDOW).astype(np.float32)


class Peaks(NamedTuple):
    hz: float
    """Of the stronger one."""
    share: float
    second_hz: float
    second_share: float


class PeakFinder:
    """One stream at 8 kHz, in frames of 20 ms."""

    __slots__ = ("_window",)

    def __init__(self) -> None:
        self._window: NDArray[np.float32] = np.zeros(WINDOW, np.float32)

    def skip(self, frame: Pcm) -> None:
        """Take a frame that is not to be looked at: it is the first half of the next window."""
        self._window[:HOP] = self._window[HOP:]
        self._window[HOP:] = frame

    def find(self, frame: Pcm) -> Peaks:
        """The peaks of this frame and the one before."""
        self.skip(frame)
        spectrum = np.fft.rfft((self._window - self._window.mean()) * _HANN, _SIZE)
        power = spectrum.real**2 + spectrum.imag**2
        total = float(power.sum())
        if total < 1.0:
            return Peaks(0.0, 0.0, 0.0, 0.0)
        hz, first = _take(power)
        second_hz, second = _take(power)
        return Peaks(hz, first / total, second_hz, second / total)


def _take(power: NDArray[np.floating]) -> tuple[float, float]:
    """Frequency and power of the strongest peak, which is taken away."""
    at = int(power.argmax())
    place = float(at)
    if 0 < at < len(power) - 1:
        before, here, after = np.log(power[at - 1 : at + 2] + 1e-9).tolist()
        bend = before - 2 * here + after
        if bend < 0:
            place += 0.5 * (before - after) / bend
    lobe = power[max(0, at - _LOBE) : at + _LOBE + 1]
    own = float(lobe.sum())
    lobe[:] = 0.0
    return place * _BIN_HZ, own
