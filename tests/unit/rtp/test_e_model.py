"""The E-model against the figures of its recommendations."""

import pytest

from sipua.rtp.e_model import mos, one_way_ms, rating


def test_g711_on_a_perfect_network() -> None:
    assert rating(0, 0) == pytest.approx(93.2)
    assert mos(0, 0) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize(
    ("percent", "impairment"), [(1, 3.64), (2, 7.01), (5, 15.78), (10, 27.07), (20, 42.13)]
)
def test_loss_costs_what_g113_says_of_g711_with_concealment(
    percent: int, impairment: float
) -> None:
    """Ie,eff = (95 - 0) * Ppl / (Ppl + 25.1), by hand."""
    assert rating(percent / 100, 0) == pytest.approx(93.2 - impairment, abs=0.01)


def test_delay_costs_little_until_it_is_noticed() -> None:
    assert rating(0, 100) == pytest.approx(93.2 - 2.4)
    assert rating(0, 277.3) == pytest.approx(93.2 - 6.6552 - 11)


@pytest.mark.parametrize(("loss", "delay_ms"), [(1, 0), (0.5, 5000), (-1, 0), (7, 1e9)])
def test_it_stays_on_the_scale(loss: float, delay_ms: float) -> None:
    assert 0 <= rating(loss, delay_ms) <= 93.2
    assert 1 <= mos(loss, delay_ms) <= 4.5


def test_worse_is_never_better() -> None:
    scores = [mos(percent / 100, 50) for percent in range(101)]
    assert scores == sorted(scores, reverse=True)


def test_one_way() -> None:
    assert one_way_ms(100, 60) == 130
    assert one_way_ms(None, 20) == 40
