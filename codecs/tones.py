"""Tones for tests, probes and prompts."""

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.pcm import Pcm


def sine(frequency_hz: float, duration_ms: float, rate_hz: int, level_dbfs: float = -10.0) -> Pcm:
    """A sine from phase 0. At 0 dBFS its peak is full scale."""
    samples = round(duration_ms * rate_hz / 1000)
    phase = np.arange(samples) * (2 * np.pi * frequency_hz / rate_hz)
    peak = 32767 * 10 ** (level_dbfs / 20)
    wave: NDArray[np.float64] = np.rint(np.sin(phase) * peak)
    return wave.astype(np.int16)
