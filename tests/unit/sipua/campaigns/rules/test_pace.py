"""Calls begin evenly, and a pause is not made up for."""

from __future__ import annotations

from sipua.campaigns.rules.pace import Pace


def begun_within(rate: float, seconds: float, *, step: float = 0.01) -> list[float]:
    pace, at = Pace(), []
    for tick in range(int(seconds / step)):
        now = 100 + tick * step
        if count := pace.room(rate, now):
            at += [now] * count
            pace.begun(count, rate, now)
    return at


def test_so_many_a_second() -> None:
    at = begun_within(10, 5)
    assert 48 <= len(at) <= 51
    for begin in at:
        assert sum(begin <= other < begin + 0.999 for other in at) <= 10


def test_less_than_one_a_second() -> None:
    assert len(begun_within(0.5, 10)) == 5


def test_many_a_second_begin_in_small_groups() -> None:
    at = begun_within(200, 2)
    assert 380 <= len(at) <= 420
    assert max(at.count(one) for one in at) == 10


def test_no_burst_behind_a_pause() -> None:
    pace = Pace()
    pace.begun(1, 10, 100)
    assert pace.room(10, 160) == 1
    pace.begun(1, 10, 160)
    assert pace.room(10, 160.05) == 0
    assert pace.wait_s(160.05) > 0
