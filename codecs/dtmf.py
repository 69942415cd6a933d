"""Digits as tones (ITU-T Q.23): a detector within Q.24's tolerances, and a generator.

For peers that negotiate no telephone events. Each block of 20 ms goes through two gates:

    cheap   the energy at the eight frequencies against the block's own: nearly all speech ends here
    exact   a least-squares fit of two sines, their frequencies free: the energy left, how far off
            the frequencies are and how the levels differ decide

The exact gate measures frequencies to a fraction of a hertz, where a Goertzel filter of 20 ms tells
only that something is within 25 Hz; that is why music and speech do not pass. The tone's length is
measured in parts of blocks, from the amplitudes of the blocks at its edges, so that blocks need not
be aligned with the tone.

Limits, and what Q.24 asks for (its strictest national column, in brackets):

    frequency   accepted to 2.2 %             (±1.5 % accepted, ±3.5 % refused)
    length      from 32 ms                    (40 ms accepted, 24 ms refused)
    pause       one block that is 10 dB down  (40 ms is a pause, 10 ms is not)
    level       from -36 dBm0 a tone          (0 to -29 accepted, -46 refused)
    twist       high tone -10 to +7 dB        (-8 to +4 accepted)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.pcm import Pcm

Signal = NDArray[np.float64]

KEYS = ("123A", "456B", "789C", "*0#D")
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)

_RATE_HZ = 8000
_BLOCK = 160
_BLOCK_MS = _BLOCK * 1000 / _RATE_HZ
# A sine of full scale is 3.14 dBm0 (G.711).
_PEAK_AT_0_DBM0 = 32768 * 10 ** (-3.14 / 20)

_MIN_PEAK = _PEAK_AT_0_DBM0 * 10 ** (-36 / 20)
_MIN_ENERGY = _BLOCK * _MIN_PEAK**2
_MIN_TONAL = 0.3  # of the block's energy, at frequencies 1.5 % off and at any twist
_ROUGH = 0.04  # power of one tone to the other: the worst twist and the worst frequencies
_MAX_OFF = 0.022
_MIN_TWIST, _MAX_TWIST = 10 ** (-10 / 20), 10 ** (7 / 20)
_MAX_LEFT = 0.05  # of the energy, for the rest: noise 13 dB below the two tones
_HOPELESS = 0.5  # left over after the first step: not two sines, wherever they are
_MIN_MS = 32.0
# Of a tone's amplitude: below, it has ended; above, it fills the block.
_GONE, _WHOLE = 0.32, 0.75
_MAX_BROKEN = 3  # blocks of neither sort, or lost, in the middle of a tone
_MAX_MS = 10_000.0

_TIME = np.arange(_BLOCK) - (_BLOCK - 1) / 2
_TONES_HZ = (*LOW_HZ, *HIGH_HZ)


def _sines(radians: Sequence[float]) -> Signal:
    """Columns: cosine and sine of each frequency."""
    phase = np.outer(_TIME, radians)
    return np.stack([np.cos(phase), np.sin(phase)], axis=2).reshape(_BLOCK, -1)


_BANK = np.ascontiguousarray(_sines([2 * np.pi * hz / _RATE_HZ for hz in _TONES_HZ]))
_TONAL = _MIN_TONAL * _BLOCK / 2


class _Tone:
    """A digit whose tone has not ended yet."""

    __slots__ = ("broken", "digit", "high", "length_ms", "low", "sines", "unsure_ms")

    def __init__(self, digit: str, sines: Signal, low: float, high: float) -> None:
        self.digit = digit
        self.sines = sines
        self.low = low
        self.high = high
        self.length_ms = _BLOCK_MS
        self.unsure_ms = 0.0
        """Length of the blocks since the last whole one; they count if another one follows."""
        self.broken = 0

    def share(self, block: Signal) -> float:
        """Amplitude of the weaker tone in another block, 1: as in the first."""
        cos_low, sin_low, cos_high, sin_high = block.dot(self.sines).tolist()
        low = (cos_low * cos_low + sin_low * sin_low) ** 0.5 / (self.low * _BLOCK / 2)
        high = (cos_high * cos_high + sin_high * sin_high) ** 0.5 / (self.high * _BLOCK / 2)
        return float(min(low, high))


class DtmfDetector:
    """The detector of one stream at 8 kHz: digits with their length in ms, when the tone ends."""

    __slots__ = ("_before", "_before_lost", "_rest", "_tone", "counters")

    def __init__(self) -> None:
        self._rest: Pcm = np.zeros(0, np.int16)
        self._tone: _Tone | None = None
        self._before: Signal = np.zeros(_BLOCK)
        self._before_lost = False
        self.counters = {"fitted": 0, "refused": 0, "too_short": 0, "digits": 0}

    @property
    def sounding(self) -> bool:
        """What came last may belong to a digit that has not ended yet."""
        return self._tone is not None

    def feed(self, pcm: Pcm) -> Sequence[tuple[str, int]]:
        """Take audio that came, frames of any size."""
        if len(pcm) == _BLOCK and not len(self._rest):
            return self._process_block(pcm)
        out: list[tuple[str, int]] = []
        stream = np.concatenate((self._rest, pcm))
        whole = len(stream) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            out += self._process_block(stream[start : start + _BLOCK])
        self._rest = stream[whole:]
        return out

    def lost(self, samples: int) -> Sequence[tuple[str, int]]:
        """Take time without audio: it neither begins a tone nor ends one soon."""
        self._rest = self._rest[:0]
        self._before_lost = True
        out: list[tuple[str, int]] = []
        for _ in range(0, samples, _BLOCK):
            if self._tone is None:
                break
            self._count_unsure(self._tone, _BLOCK_MS, out)
        return out

    def _process_block(self, pcm: Pcm) -> Sequence[tuple[str, int]]:
        block = pcm.astype(np.float64)
        if self._tone is not None:
            out: list[tuple[str, int]] = []
            self._follow(self._tone, block, out)
        else:
            out = []
            energy = block.dot(block)
            if energy > _MIN_ENERGY:
                bank = block.dot(_BANK)
                if bank.dot(bank) > energy * _TONAL:
                    self._tone = self._fit(block, bank, float(energy))
        self._before = block
        self._before_lost = False
        return out

    def _follow(self, tone: _Tone, block: Signal, out: list[tuple[str, int]]) -> None:
        share = tone.share(block)
        if share >= _WHOLE:
            tone.length_ms += tone.unsure_ms + _BLOCK_MS
            tone.unsure_ms = 0.0
            tone.broken = 0
            if tone.length_ms > _MAX_MS:  # a stuck key, or no key
                self._end(tone, out)
        elif share >= _GONE:
            self._count_unsure(tone, share * _BLOCK_MS, out)
        else:
            tone.unsure_ms += share * _BLOCK_MS
            self._end(tone, out)
            energy = block.dot(block)
            bank = block.dot(_BANK)
            if energy > _MIN_ENERGY and bank.dot(bank) > energy * _TONAL:
                self._tone = self._fit(block, bank, float(energy))

    def _count_unsure(self, tone: _Tone, length_ms: float, out: list[tuple[str, int]]) -> None:
        tone.unsure_ms += length_ms
        tone.broken += 1
        if tone.broken > _MAX_BROKEN:
            tone.unsure_ms = 0.0
            self._end(tone, out)

    def _end(self, tone: _Tone, out: list[tuple[str, int]]) -> None:
        self._tone = None
        # A tone's end lies in one block; two that are half full are a tone that came back.
        length_ms = tone.length_ms + min(tone.unsure_ms, _BLOCK_MS)
        if length_ms < _MIN_MS:
            self.counters["too_short"] += 1
            return
        self.counters["digits"] += 1
        out.append((tone.digit, round(length_ms)))

    def _fit(self, block: Signal, bank: Signal, energy: float) -> _Tone | None:
        """The exact gate: a tone that fills this block, or None."""
        parts = (bank * bank).tolist()
        powers = [parts[at] + parts[at + 1] for at in range(0, 16, 2)]
        low, high = max(powers[:4]), max(powers[4:])
        # Both must be there, and be nearly all of the energy: most vowels have one of the two.
        if low + high < energy * _TONAL or high < low * _ROUGH or low < high * _ROUGH:
            return None
        self.counters["fitted"] += 1
        row, column = powers.index(low), powers.index(high, 4) - 4
        fitted = _fit_two(block, row, column, energy)
        if fitted is None:
            self.counters["refused"] += 1
            return None
        (low, high), sines, left = fitted
        if (
            left > _MAX_LEFT * energy
            or min(low, high) < _MIN_PEAK
            or not _MIN_TWIST <= high / low <= _MAX_TWIST
        ):
            self.counters["refused"] += 1
            return None
        tone = _Tone(KEYS[row][column], sines, low, high)
        # The part of the tone that lay in the block before; of a lost one, take the middle.
        share = 0.5 if self._before_lost else min(tone.share(self._before), 1.0)
        tone.length_ms += share * _BLOCK_MS
        return tone


def _basis(radians: Sequence[float]) -> Signal:
    """Both sines of both tones, and the same times time: how far each frequency is off."""
    sines = _sines(radians)
    return np.concatenate((sines, sines * (_TIME / _BLOCK)[:, None]), axis=1)


_NOMINAL = {
    (row, column): (low * 2 * np.pi / _RATE_HZ, high * 2 * np.pi / _RATE_HZ)
    for row, low in enumerate(LOW_HZ)
    for column, high in enumerate(HIGH_HZ)
}
_FIRST = {key: _basis(radians) for key, radians in _NOMINAL.items()}


def _fit_two(
    block: Signal, row: int, column: int, energy: float
) -> tuple[tuple[float, float], Signal, float] | None:
    """Two sines of free frequency, phase and level: levels, cosines and sines, energy of the rest.

    None if it is impossible. Gauss-Newton; three steps reach a hertz from 3.5 % away, four a tenth.
    """
    nominal = _NOMINAL[row, column]
    radians = list(nominal)
    basis = _FIRST[row, column]
    for step in range(4):
        wanted = block @ basis
        found = np.linalg.solve(basis.T @ basis, wanted)
        if not step and energy - float(found @ wanted) > energy * _HOPELESS:
            return None
        for tone in (0, 1):
            cosine, sine = found[2 * tone : 2 * tone + 2].tolist()
            cosine_n, sine_n = found[4 + 2 * tone : 6 + 2 * tone].tolist()
            power = cosine * cosine + sine * sine
            if power < 1.0:
                return None
            radians[tone] += (sine * cosine_n - cosine * sine_n) / power / _BLOCK
            if abs(radians[tone] - nominal[tone]) > 2 * _MAX_OFF * nominal[tone]:
                return None
        basis = _basis(radians)
    if any(
        abs(now - middle) > _MAX_OFF * middle for now, middle in zip(radians, nominal, strict=True)
    ):
        return None
    sines = _sines(radians)
    found = np.linalg.solve(sines.T @ sines, block @ sines)
    error = block - sines @ found
    low, high = np.hypot(found[::2], found[1::2]).tolist()
    return (low, high), sines, float(error.dot(error))


def tone(digit: str, samples: int, *, level_dbm0: float = -9.0, ramp: int = 16) -> Pcm:
    """A digit at 8 kHz; `level_dbm0` is the high tone's, the low one is 2 dB weaker, as lines
    attenuate high tones more. The ends are ramped: a click is audible, and costs a detector time.
    """
    row = next(index for index, keys in enumerate(KEYS) if digit in keys)
    column = KEYS[row].index(digit)
    time = np.arange(samples) * (2 * np.pi / _RATE_HZ)
    peak = _PEAK_AT_0_DBM0 * 10 ** (level_dbm0 / 20)
    wave = np.sin(time * HIGH_HZ[column]) + np.sin(time * LOW_HZ[row]) * 10 ** (-2 / 20)
    ramp = min(ramp, samples // 2)
    if ramp:
        rising = np.arange(1, ramp + 1) / (ramp + 1)
        wave[:ramp] *= rising
        wave[-ramp:] *= rising[::-1]
    rounded: Signal = np.rint(wave * peak)
    return rounded.astype(np.int16)
