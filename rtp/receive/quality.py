"""The quality of G.711 as heard: R factor and MOS by the E-model (ITU-T G.107).

Its default values but for two things that a receiver knows: how much was missing, and the delay.
Equipment values are those of G.711 with concealment by its appendix I (G.113: Ie 0, Bpl 25.1).
Losses count as if they were spread; that bursts are worse is told by their own figures.
"""

_BASE = 93.2
_ROBUSTNESS = 25.1
# Simplification of G.107's delay terms, exact to a point up to 400 ms (Cole, Rosenbluth 2001).
_PER_MS = 0.024
_FELT_FROM_MS = 177.3
_FELT_PER_MS = 0.11


def r_factor(missing: float, delay_ms: float = 0.0) -> float:
    """`missing`: share of packets, 0 to 1; `delay_ms`: one way, from mouth to ear."""
    percent = 100 * min(max(missing, 0.0), 1.0)
    by_loss = 95 * percent / (percent + _ROBUSTNESS)
    by_delay = _PER_MS * delay_ms + _FELT_PER_MS * max(0.0, delay_ms - _FELT_FROM_MS)
    return min(max(_BASE - by_loss - by_delay, 0.0), 100.0)


def mos(r: float) -> float:
    """1 to 4.5 (G.107 annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
