"""Samples as this package takes and gives them: linear, 16 bit, one channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
