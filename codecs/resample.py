"""8 kHz to 24 kHz and back with the 72-tap filter of fir.py.

Audio is cut in blocks; each block and the history it needs become one row of a matrix, and one
product with a block-Toeplitz matrix filters all rows. Taps are integers over 2^20, so the sums are
exact in double precision and the output is bit-identical for any chunking of the input.

Where the compiled kernel is there (native.py), it does the same sums, with the same result.

Nothing is held back: n samples in are 3n out at once on the way up, and each complete group of
three in is one out on the way down. The delay is the filter's own: 35.5 samples at 24 kHz up; down,
an output may use the newest of its three samples, so 33.5 there and exactly 23 samples at 8 kHz
(2.875 ms) for the pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.fir import FRACTION_BITS, TAPS
from sipua.codecs.g711 import Law, decode
from sipua.codecs.native import kernel
from sipua.codecs.pcm import Pcm

Matrix = NDArray[np.float64]

_RATIO = 3
_FRAME = 160  # 20 ms at 8 kHz
_MIN = np.array(-32768.0)
_MAX = np.array(32767.0)


@dataclass(frozen=True, slots=True)
class _Bank:
    """A block-Toeplitz matrix: `history` + `block` samples times it are the outputs of a block."""

    matrix: Matrix
    history: int
    block: int
    # Energy of the input up to which no output can leave the range of int16 (Cauchy-Schwarz).
    harmless_energy: float

    @classmethod
    def of(cls, history: int, block: int, outputs: int, tap: Callable[[int, int], int]) -> Self:
        """`tap(output, input)`: which tap joins them; inputs count from the block's first."""
        matrix = np.zeros((history + block, outputs))
        for output in range(outputs):
            for row in range(history + block):
                index = tap(output, row - history)
                if 0 <= index < len(TAPS):
                    matrix[row, output] = TAPS[index] / 2**FRACTION_BITS
        if outputs > block:
            matrix *= _RATIO  # each sample stands for three
        return cls(matrix, history, block, 32767.0**2 / (matrix * matrix).sum(axis=0).max())

    def windows(self, stream: Pcm, blocks: int) -> Pcm:
        """Overlapping rows over `stream` (history, then `blocks` whole blocks), without a copy."""
        size = stream.itemsize
        shape = (blocks, self.history + self.block)
        return np.ndarray(shape, np.int16, stream.data, strides=(self.block * size, size))

    def filter(self, rows: Matrix, flat: Matrix, out: Matrix) -> None:
        """Filter, saturate and round `rows` (of which `flat` is another view) into `out`."""
        rows.dot(self.matrix, out)
        if flat.dot(flat) > self.harmless_energy:
            np.minimum(out, _MAX, out=out)
            np.maximum(out, _MIN, out=out)
        np.rint(out, out=out)


# Block sizes that were fastest for a frame of 20 ms.
_UP = _Bank.of(len(TAPS) // _RATIO - 1, 20, 60, lambda output, sample: output - _RATIO * sample)
_DOWN = _Bank.of(
    len(TAPS) - _RATIO, 60, 20, lambda output, sample: _RATIO * output + _RATIO - 1 - sample
)
# The taps for the kernel: one row for each sample of a group of three. Up, they are three times as
# large, because each sample stands for three.
_SCALE = 1 / 2**FRACTION_BITS
_PHASES = np.array(TAPS, np.float64).reshape(-1, _RATIO).T
_UP_TAPS = (_PHASES * _RATIO).tobytes()
_DOWN_TAPS = _PHASES[::-1].tobytes()
# Rows in one product: beyond 60 or so, the BLAS would wake its threads for it. A delta of 200 ms
# is two of these.
_MAX_ROWS = 40


def _filter_any(bank: _Bank, stream: Pcm, samples: int, outputs: int) -> Pcm:
    """`stream`: history, then `samples` of any number, which make `outputs`."""
    blocks = -(-samples // bank.block)
    missing = blocks * bank.block - samples
    if missing:
        stream = np.concatenate((stream, np.zeros(missing, np.int16)))
    pieces = []
    for first in range(0, blocks, _MAX_ROWS):
        count = min(_MAX_ROWS, blocks - first)
        rows = bank.windows(stream[first * bank.block :], count).astype(np.float64)
        filtered = np.empty((count, bank.matrix.shape[1]))
        bank.filter(rows, rows.reshape(-1), filtered)
        pieces.append(filtered.reshape(-1).astype(np.int16))
    out = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return out[:outputs] if missing else out


class Upsampler8to24:
    """Three samples out for each one in, at once. A frame of 160 takes the fast path."""

    __slots__ = (
        "_flat_out",
        "_flat_rows",
        "_fresh",
        "_history",
        "_out",
        "_rows",
        "_tail",
        "_windows",
    )

    DELAY_SAMPLES = (len(TAPS) - 1) / 2  # at 24 kHz

    def __init__(self) -> None:
        # Buffers for a whole frame and the views on them are made once: that halves the cost.
        line = np.zeros(_UP.history + _FRAME, np.int16)
        self._history = line[: _UP.history]
        self._fresh = line[_UP.history :]
        self._tail = line[_FRAME:]
        self._windows = _UP.windows(line, _FRAME // _UP.block)
        self._rows = np.empty(self._windows.shape)
        self._flat_rows = self._rows.reshape(-1)
        self._out = np.empty((_FRAME // _UP.block, _UP.matrix.shape[1]))
        self._flat_out = self._out.reshape(-1)

    def decode(self, codes: bytes, law: Law) -> bytes:
        """The same for G.711, to the bytes of 16-bit samples."""
        if kernel is not None:
            return kernel.upsample(self._history, codes, law.decode_table, _UP_TAPS, _SCALE)
        if len(codes) == _FRAME:
            law.decode_table.take(np.frombuffer(codes, np.uint8), mode="clip", out=self._fresh)
            return self._frame().tobytes()
        return self.process(decode(law, codes)).tobytes()

    def process(self, pcm: Pcm) -> Pcm:
        if kernel is not None:
            pcm = np.ascontiguousarray(pcm, np.int16)
            out = kernel.upsample(self._history, pcm, None, _UP_TAPS, _SCALE)
            return np.frombuffer(out, np.int16)
        if len(pcm) == _FRAME:
            self._fresh[:] = pcm
            return self._frame()
        if not len(pcm):
            return np.zeros(0, np.int16)
        stream = np.concatenate((self._history, pcm))
        self._history[:] = stream[len(pcm) :]
        return _filter_any(_UP, stream, len(pcm), len(pcm) * _RATIO)

    def _frame(self) -> Pcm:
        """What is in `_fresh`, filtered."""
        self._rows[:] = self._windows
        self._history[:] = self._tail
        _UP.filter(self._rows, self._flat_rows, self._out)
        return self._flat_out.astype(np.int16)

    def reset(self) -> None:
        self._history[:] = 0


class Downsampler24to8:
    """One sample out for each complete group of three in; the rest waits for the next call."""

    __slots__ = ("_clean", "_kept")

    # Whole output samples of the filter's delay. A caller that drops as many at the start, and
    # takes `flush()` at the end, has output aligned with the input to 0.02 ms.
    DELAY_SAMPLES = 11

    def __init__(self) -> None:
        self._kept = np.zeros(_DOWN.history, np.int16)  # history, then 0 to 2 samples of a group
        self._clean = True

    def process(self, pcm: Pcm) -> Pcm:
        if not len(pcm):
            return np.zeros(0, np.int16)
        self._clean = False
        stream = np.concatenate((self._kept, pcm))
        groups = (len(stream) - _DOWN.history) // _RATIO
        used = groups * _RATIO
        self._kept = stream[used:]
        if not groups:
            return np.zeros(0, np.int16)
        stream = stream[: _DOWN.history + used]
        if kernel is not None:
            return np.frombuffer(kernel.downsample(stream, _DOWN_TAPS, _SCALE), np.int16)
        return _filter_any(_DOWN, stream, used, groups)

    def flush(self) -> Pcm:
        """The end of the stream: what the filter and an incomplete group still hold; then reset."""
        if self._clean:
            return np.zeros(0, np.int16)
        incomplete = (len(self._kept) - _DOWN.history) % _RATIO
        tail = self.DELAY_SAMPLES * _RATIO + (_RATIO - incomplete if incomplete else 0)
        out = self.process(np.zeros(tail, np.int16))
        self.reset()
        return out

    def reset(self) -> None:
        self._kept = np.zeros(_DOWN.history, np.int16)
        self._clean = True
