"""Who is tried, when, for how long: all of it without a clock."""

from __future__ import annotations

import pytest

from sipua.bridge.conversation.engine_order import Attempt, Attempts, order_from
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.rotation import Rotation

POLICY = DialoguePolicy(backoff_s=1, backoff_max_s=4, rotate_after_s=3300, rotate_latest_s=3540)


def full() -> float:
    return 1.0


def attempts(order: list[int], within_s: float, *, timeout_s: float = 5) -> Attempts:
    timeouts = [timeout_s] * 3
    return Attempts(order, timeouts, POLICY, now=100, until=100 + within_s, random=full)


def test_the_first_attempt_is_made_at_once_and_has_its_time() -> None:
    assert attempts([0], 20).next(100) == Attempt(0, 0, 5)


def test_M1_another_attempt_waits_and_stays_inside_the_time() -> None:
    search = attempts([0], 6)
    search.failed(100, again=True)
    assert search.next(100) == Attempt(0, 1, 5)
    search.failed(103, again=True)
    assert search.next(103) == Attempt(0, 2, 1)
    search.failed(105, again=True)
    assert search.next(105) is None


def test_M1_what_is_vain_is_not_tried_twice() -> None:
    search = attempts([0, 1], 10)
    assert search.next(100) == Attempt(0, 0, 5)
    search.failed(101, again=False)
    assert search.next(101) == Attempt(1, 0, 5)
    search.failed(102, again=False)
    assert search.next(102) is None
    search.failed(102, again=False)
    assert search.next(102) is None


def test_M1_retry_after_is_waited_for_if_there_is_time() -> None:
    search = attempts([0, 1], 20)
    search.failed(100, again=True, retry_after_s=3)
    assert search.next(100) == Attempt(0, 3, 5)
    search.failed(104, again=True, retry_after_s=30)
    assert search.next(104) == Attempt(1, 0, 5)


def test_a_choice_that_never_answers_leaves_time_for_the_next() -> None:
    search = attempts([0, 1, 2], 9)
    assert search.next(100) == Attempt(0, 0, 3)
    search.failed(103, again=True)
    assert search.next(103) == Attempt(1, 0, 3)
    search.failed(103.5, again=False)
    # What the second did not use is the last one's.
    assert search.next(103.5) == Attempt(2, 0, 5)
    search.failed(109, again=True)
    assert search.next(109) is None


def test_the_one_in_use_is_tried_first_then_those_after_it() -> None:
    assert order_from(1, 3) == [1, 2, 0]
    assert order_from(1, 3, frozenset({1})) == [2, 0]
    assert order_from(0, 1, frozenset({0})) == []


def test_M3_due_up_to_a_twentieth_early_and_urgent_at_the_latest() -> None:
    rotation = Rotation(POLICY, full)
    assert rotation.due == float("inf")
    rotation.began(1000)
    assert rotation.due == pytest.approx(1000 + 3300 * 0.95)
    assert not rotation.urgent(1000 + 3539)
    assert rotation.urgent(1000 + 3540)
    rotation.ended()
    assert rotation.due == float("inf")
    assert not rotation.urgent(1e9)


def test_M3_a_failed_rotation_is_tried_again_later_and_later() -> None:
    rotation = Rotation(POLICY, full)
    rotation.began(0)
    waits = []
    for _ in range(5):
        rotation.failed(4000)
        waits.append(rotation.due - 4000)
    assert waits == [2, 4, 8, 10, 10]


def test_M3_no_rotation_when_it_is_switched_off() -> None:
    rotation = Rotation(DialoguePolicy(rotate_after_s=0), full)
    rotation.began(0)
    assert rotation.due == float("inf")
    assert not rotation.urgent(1e9)
