"""The E-model: known points of G.107 and G.113."""

import pytest

from sipua.rtp.receive.quality import mos, r_factor


@pytest.mark.parametrize(
    ("missing", "delay_ms", "r"),
    [
        (0.0, 0, 93.2),
        (0.01, 0, 93.2 - 95 / 26.1),
        (0.05, 0, 93.2 - 95 * 5 / 30.1),
        (0.0, 150, 93.2 - 3.6),
        (0.0, 300, 93.2 - 7.2 - 0.11 * 122.7),
        (1.0, 0, 93.2 - 95 * 100 / 125.1),
        (2.0, 10_000, 0.0),
        (-1.0, 0, 93.2),
    ],
)
def test_the_r_factor(missing: float, delay_ms: float, r: float) -> None:
    assert r_factor(missing, delay_ms) == pytest.approx(r)


@pytest.mark.parametrize(
    ("r", "score"), [(0, 1.0), (-5, 1.0), (50, 2.575), (60, 3.1), (93.2, 4.41), (100, 4.5)]
)
def test_mos_of_an_r_factor(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.005)


def test_mos_never_leaves_its_range() -> None:
    assert all(1 <= mos(r / 10) <= 4.5 for r in range(-100, 1200))
