#!/usr/bin/env python3
"""Design the filters between 8 kHz and 16 or 24 kHz and write them to codecs/fir.py.

    python scripts/sound/design_fir.py           write the module and print the filters' figures
    python scripts/sound/design_fir.py --check    only print the figures

A linear-phase low-pass of 24 taps for each time that the rate is 8 kHz (so all are 3 ms long),
equiripple: flat to 3.4 kHz (the telephone band), closed from 4.6 kHz (its mirror about 4 kHz).
Designed by Lawson's method: least squares on a dense grid, each point's weight multiplied by its
error until the errors are even. That needs nothing but numpy, and is far inside its accuracy after
a few hundred rounds.

The taps are then rounded to multiples of 2^-20. With int16 samples every product and every sum is
an integer below 2^53, so double precision adds them exactly, in whatever order the BLAS likes: the
output does not depend on how the audio was cut, on the machine, or on the kernel behind it.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATIOS = (2, 3)
PHASE_TAPS = 24
PASS_HZ = 3_400
STOP_HZ = 4_600
STOP_WEIGHT = 10.0
FRACTION_BITS = 20
ROUNDS = 200

MODULE = Path(__file__).resolve().parents[2] / "codecs" / "fir.py"
TEMPLATE = '''"""Taps of the filters between 8 kHz and a multiple of it, x 2^{bits}.

They are from scripts/sound/design_fir.py. Each filter is symmetric; here is its first half.
"""

FRACTION_BITS = {bits}
# fmt: off
HALVES = {{
{halves}
}}
# fmt: on
TAPS = {{ratio: half + half[::-1] for ratio, half in HALVES.items()}}
"""By how many times 8 kHz the other rate is."""
'''


def design(ratio: int) -> NDArray[np.int64]:
    """The first half of the taps, times 2^FRACTION_BITS."""
    rate_hz = ratio * 8000
    passband = np.linspace(0, PASS_HZ, 400)
    stopband = np.linspace(STOP_HZ, rate_hz / 2, 900)
    grid = np.concatenate([passband, stopband]) * 2 * np.pi / rate_hz
    wanted = np.concatenate([np.ones(len(passband)), np.zeros(len(stopband))])
    emphasis = np.concatenate([np.ones(len(passband)), np.full(len(stopband), STOP_WEIGHT)])
    half = PHASE_TAPS * ratio // 2
    basis = 2 * np.cos(np.outer(grid, half - 0.5 - np.arange(half)))
    weights = np.ones(len(grid))
    taps = np.zeros(half)
    for _ in range(ROUNDS):
        scale = np.sqrt(weights) * emphasis
        taps = np.linalg.lstsq(basis * scale[:, None], wanted * scale, rcond=None)[0]
        weights *= emphasis * np.abs(basis @ taps - wanted)
        weights /= weights.sum()
    return np.rint(taps * 2**FRACTION_BITS).astype(np.int64)


def figures(ratio: int, half: NDArray[np.int64]) -> str:
    """What the rounded filter does."""
    rate_hz = ratio * 8000
    taps = np.concatenate([half, half[::-1]]) / 2**FRACTION_BITS
    points = 1 << 16
    gain = np.abs(np.fft.rfft(taps, points))
    frequency = np.arange(len(gain)) * rate_hz / points
    inside = 20 * np.log10(gain[frequency <= PASS_HZ])
    outside = 20 * np.log10(gain[frequency >= STOP_HZ].max())
    delay_ms = (len(taps) - 1) / 2 / rate_hz * 1000
    return (
        f"{len(taps)} taps at {rate_hz} Hz, delay {delay_ms:.2f} ms. Ripple up to {PASS_HZ} Hz: "
        f"{inside.max() - inside.min():.3f} dB. Rejection from {STOP_HZ} Hz: {-outside:.1f} dB."
    )


def entry(ratio: int, half: NDArray[np.int64], text: str) -> str:
    rows = "\n".join(
        "        " + " ".join(f"{tap}," for tap in half[start : start + 8])
        for start in range(0, len(half), 8)
    )
    what, does = text.split(". ", 1)
    return f"    # {what}.\n    # {does}\n    {ratio}: (\n{rows}\n    ),"


def main() -> None:
    parser = argparse.ArgumentParser(description="Design the filters of codecs/fir.py.")
    parser.add_argument("--check", action="store_true", help="print the figures, write nothing")
    arguments = parser.parse_args()
    entries = []
    for ratio in RATIOS:
        half = design(ratio)
        text = figures(ratio, half)
        print(text)
        entries.append(entry(ratio, half, text))
    if not arguments.check:
        MODULE.write_text(TEMPLATE.format(bits=FRACTION_BITS, halves="\n".join(entries)))


if __name__ == "__main__":
    main()
