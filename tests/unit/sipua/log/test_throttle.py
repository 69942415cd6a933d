from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipua.log.throttle import Throttle


def test_a_flood_gives_one_line_a_second_with_the_count() -> None:
    throttle = Throttle()
    lines = [
        suppressed
        for step in range(10_000 * 3)
        if (suppressed := throttle.ask("rtp.dropped", 50.0 + step / 10_000)) is not None
    ]
    assert lines == [0, 9_999, 9_999]
    assert throttle.drain() == {"rtp.dropped": 9_999}
    assert throttle.drain() == {}


def test_a_burst_is_written_whole_and_what_is_beyond_it_is_counted() -> None:
    throttle = Throttle(10.0, burst=3)
    assert [throttle.ask("a", 0.1 * step) for step in range(6)] == [0, 0, 0, None, None, None]
    assert [throttle.ask("a", 10.0 + step) for step in range(4)] == [3, 0, 0, None]
    assert throttle.drain() == {"a": 1}


def test_keys_do_not_share_a_window() -> None:
    throttle = Throttle()
    assert throttle.ask("a", 0.0) == 0
    assert throttle.ask("b", 0.0) == 0
    assert throttle.ask("a", 0.5) is None


def test_keys_are_bounded_and_what_is_forgotten_is_counted() -> None:
    throttle = Throttle(max_keys=2)
    throttle.ask("a", 0.0)
    throttle.ask("a", 0.0)
    throttle.ask("b", 0.0)
    throttle.ask("c", 0.0)
    assert throttle.forgotten == 1
    assert throttle.ask("a", 0.1) == 0


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 3))
def test_every_ask_is_a_line_or_is_counted(steps: list[float], max_keys: int) -> None:
    throttle = Throttle(max_keys=max_keys)
    now, lines, told = 0.0, 0, 0
    for index, step in enumerate(steps):
        now += step
        answer = throttle.ask(f"key{index % 4}", now)
        if answer is not None:
            lines += 1
            told += answer
    told += throttle.forgotten + sum(throttle.drain().values())
    assert lines + told == len(steps)
