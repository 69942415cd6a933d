"""8 kHz to 16 or 24 kHz and back, with the filters of fir.py.

Audio is cut in blocks; each block and the history it needs become one row of a matrix, and one
product with a block-Toeplitz matrix filters all rows. Taps are integers over 2^20, so the sums are
exact in double precision and the output is bit-identical for any chunking of the input.

Where the compiled kernel is there (native.py), it does the same sums, with the same result.

Nothing is held back: at three times the rate n samples in are 3n out at once on the way up, and
each complete group of three in is one out on the way down. The delay is the filter's own: 35.5
samples at 24 kHz up; down, an output may use the newest of its three samples, so 33.5 there and
exactly 23 samples at 8 kHz (2.875 ms) for the pair. At 16 kHz: 23.5, 22.5, and 23 for the pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.fir import FRACTION_BITS, TAPS
from sipua.codecs.g711 import Law, decode
from sipua.codecs.native import kernel
from sipua.codecs.pcm import Pcm

Matrix = NDArray[np.float64]

RATE_HZ: Final = 8000
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
    def of(
        cls, taps: Matrix, history: int, block: int, outputs: int, tap: Callable[[int, int], int]
    ) -> Self:
        """`tap(output, input)`: which tap joins them; inputs count from the block's first."""
        matrix = np.zeros((history + block, outputs))
        for output in range(outputs):
            for row in range(history + block):
                index = tap(output, row - history)
                if 0 <= index < len(taps):
                    matrix[row, output] = taps[index] * _SCALE
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


@dataclass(frozen=True, slots=True)
class _Filter:
    """Between 8 kHz and `ratio` times that."""

    ratio: int
    up: _Bank
    down: _Bank
    # For the kernel: one row of taps for each sample of a group.
    up_taps: bytes
    down_taps: bytes

    @classmethod
    def of(cls, ratio: int) -> Self:
        # Block sizes that were fastest for a frame of 20 ms.
        narrow, wide = 20, 20 * ratio
        down = np.array(TAPS[ratio], np.float64)
        up = down * ratio  # each sample stands for so many
        size = len(down)
        return cls(
            ratio,
            _Bank.of(up, size // ratio - 1, narrow, wide, lambda out, into: out - ratio * into),
            _Bank.of(
                down, size - ratio, wide, narrow, lambda out, into: ratio * (out + 1) - 1 - into
            ),
            up.reshape(-1, ratio).T.tobytes(),
            down.reshape(-1, ratio).T[::-1].tobytes(),
        )


_SCALE = 1 / 2**FRACTION_BITS
_FILTERS = {ratio * RATE_HZ: _Filter.of(ratio) for ratio in TAPS}
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


class Up(Protocol):
    def decode(self, codes: bytes, law: Law) -> bytes:
        """What G.711 becomes, as the bytes of 16-bit samples."""

    def process(self, pcm: Pcm) -> Pcm: ...


class Down(Protocol):
    @property
    def delay_samples(self) -> int: ...

    @property
    def held_samples(self) -> int: ...

    def process(self, pcm: Pcm) -> Pcm: ...

    def flush(self) -> Pcm: ...

    def reset(self) -> None: ...


def upsampler(rate_hz: int) -> Up:
    return Unchanged() if rate_hz == RATE_HZ else Upsampler(rate_hz)


def downsampler(rate_hz: int) -> Down:
    return Unchanged() if rate_hz == RATE_HZ else Downsampler(rate_hz)


class Unchanged:
    """Audio that has 8 kHz on both sides, in the place of a resampler."""

    __slots__ = ()

    delay_samples = 0
    held_samples = 0

    def decode(self, codes: bytes, law: Law) -> bytes:
        return decode(law, codes).tobytes()

    def process(self, pcm: Pcm) -> Pcm:
        return pcm

    def flush(self) -> Pcm:
        return np.zeros(0, np.int16)

    def reset(self) -> None:
        pass


class Upsampler:
    """From 8 kHz: so many samples out for each one in, at once. A frame of 160 takes the fast
    path."""

    __slots__ = (
        "_bank",
        "_flat_out",
        "_flat_rows",
        "_fresh",
        "_history",
        "_out",
        "_ratio",
        "_rows",
        "_tail",
        "_taps",
        "_windows",
        "delay_samples",
    )

    def __init__(self, rate_hz: int) -> None:
        """To `rate_hz`."""
        of = _FILTERS[rate_hz]
        self._bank = bank = of.up
        self._ratio, self._taps = of.ratio, of.up_taps
        self.delay_samples = (len(TAPS[of.ratio]) - 1) / 2  # at the higher rate
        # Buffers for a whole frame and the views on them are made once: that halves the cost.
        line = np.zeros(bank.history + _FRAME, np.int16)
        self._history = line[: bank.history]
        self._fresh = line[bank.history :]
        self._tail = line[_FRAME:]
        self._windows = bank.windows(line, _FRAME // bank.block)
        self._rows = np.empty(self._windows.shape)
        self._flat_rows = self._rows.reshape(-1)
        self._out = np.empty((_FRAME // bank.block, bank.matrix.shape[1]))
        self._flat_out = self._out.reshape(-1)

    def decode(self, codes: bytes, law: Law) -> bytes:
        """The same for G.711, to the bytes of 16-bit samples."""
        if kernel is not None:
            return kernel.upsample(self._history, codes, law.decode_table, self._taps, _SCALE)
        if len(codes) == _FRAME:
            law.decode_table.take(np.frombuffer(codes, np.uint8), mode="clip", out=self._fresh)
            return self._frame().tobytes()
        return self.process(decode(law, codes)).tobytes()

    def process(self, pcm: Pcm) -> Pcm:
        if kernel is not None:
            pcm = np.ascontiguousarray(pcm, np.int16)
            out = kernel.upsample(self._history, pcm, None, self._taps, _SCALE)
            return np.frombuffer(out, np.int16)
        if len(pcm) == _FRAME:
            self._fresh[:] = pcm
            return self._frame()
        if not len(pcm):
            return np.zeros(0, np.int16)
        stream = np.concatenate((self._history, pcm))
        self._history[:] = stream[len(pcm) :]
        return _filter_any(self._bank, stream, len(pcm), len(pcm) * self._ratio)

    def _frame(self) -> Pcm:
        """What is in `_fresh`, filtered."""
        self._rows[:] = self._windows
        self._history[:] = self._tail
        self._bank.filter(self._rows, self._flat_rows, self._out)
        return self._flat_out.astype(np.int16)

    def reset(self) -> None:
        self._history[:] = 0


class Downsampler:
    """To 8 kHz: one sample out for each complete group in; the rest waits for the next call."""

    __slots__ = ("_bank", "_clean", "_kept", "_ratio", "_taps", "delay_samples")

    def __init__(self, rate_hz: int) -> None:
        """From `rate_hz`."""
        of = _FILTERS[rate_hz]
        self._bank, self._ratio, self._taps = of.down, of.ratio, of.down_taps
        # Whole output samples of the filter's delay. A caller that drops as many at the start, and
        # takes `flush()` at the end, has output aligned with the input to 0.03 ms.
        self.delay_samples = (len(TAPS[of.ratio]) - 1 - 2 * (of.ratio - 1)) // (2 * of.ratio)
        self._kept = np.zeros(self._bank.history, np.int16)  # history, then a group's beginning
        self._clean = True

    def process(self, pcm: Pcm) -> Pcm:
        if not len(pcm):
            return np.zeros(0, np.int16)
        self._clean = False
        stream = np.concatenate((self._kept, pcm))
        history = self._bank.history
        groups = (len(stream) - history) // self._ratio
        used = groups * self._ratio
        self._kept = stream[used:]
        if not groups:
            return np.zeros(0, np.int16)
        stream = stream[: history + used]
        if kernel is not None:
            return np.frombuffer(kernel.downsample(stream, self._taps, _SCALE), np.int16)
        return _filter_any(self._bank, stream, used, groups)

    @property
    def held_samples(self) -> int:
        """What `flush` would give."""
        if self._clean:
            return 0
        return self.delay_samples + bool(len(self._kept) - self._bank.history)

    def flush(self) -> Pcm:
        """The end of the stream: what the filter and an incomplete group still hold; then reset."""
        if self._clean:
            return np.zeros(0, np.int16)
        ratio = self._ratio
        incomplete = (len(self._kept) - self._bank.history) % ratio
        tail = self.delay_samples * ratio + (ratio - incomplete if incomplete else 0)
        out = self.process(np.zeros(tail, np.int16))
        self.reset()
        return out

    def reset(self) -> None:
        self._kept = np.zeros(self._bank.history, np.int16)
        self._clean = True
