"""The E-model against values of ITU-T G.107 and those that its users know."""

import pytest

from sipua.bench.results.emodel import BPL_CONCEALED, BPL_SILENCE, burst_ratio, mos, rating


@pytest.mark.parametrize(
    ("delay_ms", "expected"), [(0, 4.41), (50, 4.38), (150, 4.33), (200, 4.23), (300, 3.71)]
)
def test_delay_alone(delay_ms: float, expected: float) -> None:
    assert mos(rating(delay_ms, 0, 1, BPL_CONCEALED)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("loss", "silent", "concealed"), [(0.01, 3.73, 4.26), (0.03, 2.67, 4.05), (0.05, 2.05, 3.82)]
)
def test_loss_of_g711_without_and_with_appendix_i(
    loss: float, silent: float, concealed: float
) -> None:
    assert mos(rating(100, loss, 1, BPL_SILENCE)) == pytest.approx(silent, abs=0.01)
    assert mos(rating(100, loss, 1, BPL_CONCEALED)) == pytest.approx(concealed, abs=0.01)


def test_bursts_are_worse_than_random_loss() -> None:
    assert rating(20, 0.03, 2, BPL_CONCEALED) < rating(20, 0.03, 1, BPL_CONCEALED)


def test_mos_stays_on_its_scale() -> None:
    assert mos(-20) == 1.0
    assert mos(120) == 4.5
    assert 1 <= mos(1) <= mos(50) <= mos(93) <= 4.5


def test_burst_ratio_of_a_known_pattern() -> None:
    # 4 of 20 lost in two bursts of two: mean length 2, random loss of a fifth would have 1.25.
    pattern = [n in (3, 4, 12, 13) for n in range(20)]
    assert burst_ratio(pattern) == pytest.approx(2 / 1.25)
    assert burst_ratio([False] * 10) == 1.0
    assert burst_ratio([True] * 10) == 1.0
    assert burst_ratio([]) == 1.0
