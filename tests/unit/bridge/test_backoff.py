"""Waits that grow: how much, how far, and what chance takes off."""

from __future__ import annotations

import pytest

from sipua.bridge.backoff import BackOff, doubled_s, less_by_chance


def full() -> float:
    return 1.0


def test_doubled_up_to_the_longest() -> None:
    assert [doubled_s(0.25, times, 5) for times in range(7)] == [0.25, 0.5, 1, 2, 4, 5, 5]


def test_no_number_of_failures_is_too_many() -> None:
    assert doubled_s(1, 100_000, 30) == 30
    assert doubled_s(0, 100_000, 30) == 0


@pytest.mark.parametrize(("chance", "left"), [(0.0, 6.0), (0.5, 7.0), (1.0, 8.0)])
def test_chance_takes_no_more_than_its_share(chance: float, left: float) -> None:
    assert less_by_chance(8, lambda: chance, share=0.25) == left


def test_M1_waits_double_up_to_the_longest() -> None:
    backoff = BackOff(1, 4, full)
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 4, 4]
    backoff.reset()
    assert backoff.next_s() == 1


def test_M1_half_of_a_wait_is_chance() -> None:
    assert BackOff(1, 4, lambda: 0.0).next_s() == 0.5
    for _ in range(5000):
        assert BackOff(1, 4, full).next_s() == 1
