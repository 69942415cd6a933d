"""How a line would be judged by people who talk over it: the E-model (ITU-T G.107), for G.711.

Narrow-band defaults throughout; what varies is the delay and the loss. Constants of G.711 from
ITU-T G.113: Ie 0; Bpl 25.1 with the concealment of Appendix I, 4.3 without any.
"""

from __future__ import annotations

from collections.abc import Sequence

BPL_CONCEALED = 25.1
BPL_SILENCE = 4.3
_R0 = 93.2  # all other defaults of G.107 taken together


def rating(delay_ms: float, loss: float, burst_ratio: float, robustness: float) -> float:
    """R, from mouth-to-ear delay, share of packets lost, and how much they are lost in bursts."""
    percent = 100 * loss
    impairment = 95 * percent / (percent / max(burst_ratio, 1.0) + robustness) if loss else 0.0
    return max(0.0, _R0 - _delay_impairment(delay_ms) - impairment)


def mos(r: float) -> float:
    """1 (bad) to 4.5 (as good as the telephone gets); G.107 annex B."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def burst_ratio(lost: Sequence[bool]) -> float:
    """Mean length of the bursts, against what random loss of as many packets would have."""
    bursts = sum(now and not before for before, now in zip((False, *lost), lost, strict=False))
    count = sum(lost)
    if not bursts or count == len(lost):
        return 1.0
    return (count / bursts) * (1 - count / len(lost))


def _delay_impairment(delay_ms: float) -> float:
    """The usual two straight lines (Cole and Rosenbluth, 2001) in place of G.107's many terms."""
    return 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
