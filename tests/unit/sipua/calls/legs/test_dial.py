"""A transfer by a second leg: each event in each state, and one outcome in time."""

import math
from collections.abc import Callable

import pytest

from sipua.calls.legs.dial import DialAttempt, DialTimes, Do, State

TIMES = DialTimes(ring_s=30, settle_s=3)


def attempt(*steps: str) -> DialAttempt:
    one = DialAttempt(TIMES, 100.0)
    for step in steps:
        STEPS[step](one)
    return one


STEPS: dict[str, Callable[[DialAttempt], Do | None]] = {
    "rings": lambda one: one.on_progress(101.0),
    "answers": lambda one: one.on_answered(102.0),
    "settles": lambda one: one.on_time(105.0),
    "refuses": lambda one: one.on_leg_ended(486, "Busy Here", 102.5),
    "hangs up": lambda one: one.on_leg_ended(200, "OK", 103.0),
    "is not answered": lambda one: one.on_time(130.0),
    "caller leaves": lambda one: one.on_caller_left(103.0),
    "is given up": lambda one: one.on_given_up("a fault", 103.0),
}


@pytest.mark.parametrize(
    ("steps", "state", "action", "cause"),
    [
        (["refuses"], State.FAILED, None, "busy"),
        (["rings", "refuses"], State.FAILED, None, "busy"),
        (["is not answered"], State.FAILED, Do.END_LEG, "unreachable"),
        (["rings", "is not answered"], State.FAILED, Do.END_LEG, "no_answer"),
        (["caller leaves"], State.FAILED, Do.END_LEG, "caller_left"),
        (["rings", "caller leaves"], State.FAILED, Do.END_LEG, "caller_left"),
        (["rings", "is given up"], State.FAILED, Do.END_LEG, "internal"),
        (["rings", "answers", "hangs up"], State.FAILED, None, "target_left"),
        (["answers", "is given up"], State.FAILED, Do.END_LEG, "internal"),
        (["answers", "settles"], State.SETTLED, None, None),
        (["answers", "caller leaves"], State.OVER, Do.END_LEG, None),
        (["answers", "settles", "caller leaves"], State.OVER, Do.END_LEG, None),
        (["answers", "settles", "hangs up"], State.OVER, Do.END_CALL, None),
    ],
)
def test_T1_T2_ways_to_end(
    steps: list[str], state: State, action: Do | None, cause: str | None
) -> None:
    one = attempt(*steps[:-1])
    assert (STEPS[steps[-1]](one), one.state) == (action, state)
    assert one.outcome is not None
    assert (one.outcome.ok, one.outcome.cause) == (cause is None, cause)


@pytest.mark.parametrize("last", STEPS)
def test_T4_behind_its_end_nothing_happens(last: str) -> None:
    """Both BYEs at once, a 200 that crosses our CANCEL: no second outcome, nothing sent twice."""
    for end in (["rings", "refuses"], ["answers", "caller leaves"]):
        one = attempt(*end)
        before = one.outcome
        assert STEPS[last](one) is None
        assert one.outcome is before
        assert one.deadline == math.inf


def test_every_state_has_a_deadline_until_it_is_settled() -> None:
    one = attempt()
    assert one.deadline == 130.0
    one.on_progress(101.0)
    assert one.deadline == 130.0, "ringing does not make it longer"
    assert one.on_time(129.9) is None
    assert one.on_answered(102.0) is Do.JOIN
    assert one.deadline == 105.0
    one.on_time(105.0)
    assert one.deadline == math.inf
    assert one.phases == {"ringing": 1000, "joined": 2000, "settled": 5000}
