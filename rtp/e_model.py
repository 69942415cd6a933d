"""How well a call can be heard, from what its network did: the E-model (ITU-T G.107) for G.711.

The rating R begins at 93.2, which is G.711 on a perfect network, and loses what delay and loss
cost. Losses are taken as single ones and as concealed (G.113 appendix I): bursts sound worse than
this says. The scale of opinions, MOS, is R in other units: 4.4 is the best that G.711 can do, below
3.6 many users complain.
"""

from __future__ import annotations

from typing import Final

_BEST: Final = 93.2
_WORST_CODEC: Final = 95.0
_LOSS_ROBUSTNESS: Final = 25.1
"""Bpl of G.711 with concealment: at so many percent of loss, half of the quality is gone."""
_PACKET_MS: Final = 20.0


def one_way_ms(round_trip_ms: float | None, hold_ms: float) -> float:
    """From a mouth to the other ear: half of the way there and back, a packet, and what waits for
    late ones."""
    return (round_trip_ms or 0.0) / 2 + _PACKET_MS + hold_ms


def rating(loss: float, delay_ms: float) -> float:
    """R, 0 to 93.2. `loss`: the share of packets, 0 to 1."""
    percent = min(max(loss, 0.0), 1.0) * 100
    by_delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    by_loss = _WORST_CODEC * percent / (percent + _LOSS_ROBUSTNESS)
    return max(0.0, _BEST - by_delay - by_loss)


def mos(loss: float, delay_ms: float) -> float:
    """1 (bad) to 4.4."""
    r = rating(loss, delay_ms)
    return round(min(4.5, max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)), 2)
