#!/usr/bin/env python3
"""Design the 8 kHz <-> 24 kHz filter and write it to codecs/fir.py.

    python scripts/sound/design_fir.py           write the module and print the filter's figures
    python scripts/sound/design_fir.py --check    only print the figures

A linear-phase low-pass of 72 taps at 24 kHz, equiripple: flat to 3.4 kHz (the telephone band),
closed from 4.6 kHz (its mirror about 4 kHz). Designed by Lawson's method: least squares on a dense
grid, each point's weight multiplied by its error until the errors are even. That needs nothing
but numpy, and is far inside its accuracy after a few hundred rounds.

The taps are then rounded to multiples of 2^-20. With int16 samples every product and every sum is
an integer below 2^53, so double precision adds them exactly, in whatever order the BLAS likes: the
output does not depend on how the audio was cut, on the machine, or on the kernel behind it.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TAPS = 72
RATE_HZ = 24_000
PASS_HZ = 3_400
STOP_HZ = 4_600
STOP_WEIGHT = 10.0
FRACTION_BITS = 20
ROUNDS = 200

MODULE = Path(__file__).resolve().parents[2] / "codecs" / "fir.py"
TEMPLATE = '''"""Taps of the 8 kHz <-> 24 kHz filter, x 2^{bits}, by scripts/sound/design_fir.py.

{figures}

The filter is symmetric; this is its first half.
"""

FRACTION_BITS = {bits}
# fmt: off
HALF_TAPS = (
{rows}
)
# fmt: on
TAPS = HALF_TAPS + HALF_TAPS[::-1]
'''


def design() -> NDArray[np.int64]:
    """The first half of the taps, times 2^FRACTION_BITS."""
    passband = np.linspace(0, PASS_HZ, 400)
    stopband = np.linspace(STOP_HZ, RATE_HZ / 2, 900)
    grid = np.concatenate([passband, stopband]) * 2 * np.pi / RATE_HZ
    wanted = np.concatenate([np.ones(len(passband)), np.zeros(len(stopband))])
    emphasis = np.concatenate([np.ones(len(passband)), np.full(len(stopband), STOP_WEIGHT)])
    half = TAPS // 2
    basis = 2 * np.cos(np.outer(grid, half - 0.5 - np.arange(half)))
    weights = np.ones(len(grid))
    taps = np.zeros(half)
    for _ in range(ROUNDS):
        scale = np.sqrt(weights) * emphasis
        taps = np.linalg.lstsq(basis * scale[:, None], wanted * scale, rcond=None)[0]
        weights *= emphasis * np.abs(basis @ taps - wanted)
        weights /= weights.sum()
    return np.rint(taps * 2**FRACTION_BITS).astype(np.int64)


def figures(half: NDArray[np.int64]) -> str:
    """What the rounded filter does, in one paragraph."""
    taps = np.concatenate([half, half[::-1]]) / 2**FRACTION_BITS
    points = 1 << 16
    gain = np.abs(np.fft.rfft(taps, points))
    frequency = np.arange(len(gain)) * RATE_HZ / points
    inside = 20 * np.log10(gain[frequency <= PASS_HZ])
    outside = 20 * np.log10(gain[frequency >= STOP_HZ].max())
    delay_ms = (TAPS - 1) / 2 / RATE_HZ * 1000
    return (
        f"{TAPS} taps at {RATE_HZ} Hz, delay {delay_ms:.2f} ms. Ripple up to {PASS_HZ} Hz: "
        f"{inside.max() - inside.min():.3f} dB.\nRejection from {STOP_HZ} Hz: {-outside:.1f} dB."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Design the 8 kHz <-> 24 kHz filter.")
    parser.add_argument("--check", action="store_true", help="print the figures, write nothing")
    arguments = parser.parse_args()
    half = design()
    text = figures(half)
    print(text)
    if not arguments.check:
        rows = "\n".join(
            "    " + " ".join(f"{tap}," for tap in half[start : start + 8])
            for start in range(0, len(half), 8)
        )
        MODULE.write_text(TEMPLATE.format(bits=FRACTION_BITS, figures=text, rows=rows))


if __name__ == "__main__":
    main()
