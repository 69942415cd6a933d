#!/usr/bin/env python3
"""Draw the response of the 8 kHz <-> 24 kHz filter: docs/fir-response.svg.

    .venv/bin/python scripts/sound/plot_fir.py

Two views of the same filter: all of it in dB, and the telephone band with a scale fine enough to
see the ripple. Drawn from codecs/fir.py, so the picture is of the taps that run.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sipua.codecs import fir

RATE_HZ = 24_000
TAPS = fir.TAPS[3]
PASS_HZ, STOP_HZ, MIRROR_HZ = 3_400, 4_600, 4_000
OUT = Path(__file__).resolve().parents[2] / "docs" / "fir-response.svg"

WIDTH, HEIGHT = 860, 560
LEFT, RIGHT = 84, 40
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .edge { stroke: #b45309; stroke-width: 1; stroke-dasharray: 4 3 }
  .note { fill: #b45309; font-size: 12px }
  .curve { stroke: #1d4ed8; stroke-width: 1.6; fill: none; stroke-linejoin: round }
"""


class Panel:
    """One diagram: from frequency and dB to points on the page."""

    def __init__(self, top: int, height: int, hz: tuple[int, int], db: tuple[float, float]) -> None:
        self.top, self.height, self.hz, self.db = top, height, hz, db

    def x(self, hz: float) -> float:
        low, high = self.hz
        return LEFT + (hz - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, db: float) -> float:
        low, high = self.db
        return self.top + (high - db) / (high - low) * self.height

    def frame(self, title: str, every_hz: int, every_db: float, form: str) -> list[str]:
        out = [f'<text class="title" x="{LEFT}" y="{self.top - 12}">{title}</text>']
        bottom = self.top + self.height
        for hz in range(self.hz[0], self.hz[1] + 1, every_hz):
            x = self.x(hz)
            out.append(f'<path class="grid" d="M{x:.1f} {self.top}V{bottom}"/>')
            label = f"{hz / 1000:g} kHz"
            out.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
        low, high = self.db
        for step in range(round((high - low) / every_db) + 1):
            db = low + step * every_db
            y = self.y(db)
            out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            label = format(db if abs(db) > 1e-9 else 0.0, form) + " dB"
            out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        return out

    def edge(self, hz: int, text: str, *, anchor: str = "start", row: int = 0) -> list[str]:
        x = self.x(hz)
        aside = 5 if anchor == "start" else -5
        y = self.top + 16 + 16 * row
        return [
            f'<path class="edge" d="M{x:.1f} {self.top}V{self.top + self.height}"/>',
            f'<text class="note" x="{x + aside:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>',
        ]

    def curve(self, hz: NDArray[np.float64], db: NDArray[np.float64]) -> str:
        inside = (hz >= self.hz[0]) & (hz <= self.hz[1])
        points = " ".join(
            f"{self.x(f):.1f},{self.y(max(level, self.db[0])):.1f}"
            for f, level in zip(hz[inside], db[inside], strict=True)
        )
        return f'<polyline class="curve" points="{points}"/>'


def main() -> None:
    size = 1 << 13
    gain = np.abs(np.fft.rfft(np.array(TAPS) / 2**fir.FRACTION_BITS, size))
    db = 20 * np.log10(np.maximum(gain, 1e-9))
    hz = np.arange(len(db)) * RATE_HZ / size
    rejection = -db[hz >= STOP_HZ].max()
    ripple = np.ptp(db[hz <= PASS_HZ])
    whole = Panel(44, 260, (0, 12_000), (-100.0, 10.0))
    band = Panel(376, 140, (0, 3_600), (-0.04, 0.04))
    parts = [
        *whole.frame(f"{len(TAPS)} taps at 24 kHz, linear phase, 1.48 ms", 1000, 10, ".0f"),
        *whole.edge(PASS_HZ, "3.4 kHz", anchor="end"),
        *whole.edge(MIRROR_HZ, "4 kHz", row=1),
        *whole.edge(STOP_HZ, f"4.6 kHz: from here {rejection:.1f} dB down"),
        whole.curve(hz, db),
        *band.frame(f"the telephone band: ripple {ripple:.3f} dB", 400, 0.02, "+.2f"),
        *band.edge(PASS_HZ, "3.4 kHz", anchor="end"),
        *band.edge(300, "300 Hz"),
        band.curve(hz[hz <= PASS_HZ], db[hz <= PASS_HZ]),
    ]
    OUT.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<style>{STYLE}</style><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    print(f"{OUT}: rejection {rejection:.1f} dB, ripple {ripple:.3f} dB")


if __name__ == "__main__":
    main()
