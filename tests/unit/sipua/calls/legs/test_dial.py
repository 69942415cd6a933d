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


WARM_STEPS: dict[str, Callable[[DialAttempt], Do | None]] = STEPS | {
    "is briefed": lambda one: one.on_briefed(104.0),  # type: ignore[func-returns-value]
    "accepts": lambda one: one.on_accepted(106.0),
    "declines": lambda one: one.on_refused("declined", "key 2", 106.0),
    "is voicemail": lambda one: one.on_refused("voicemail", "a beep was heard", 106.0),
    "does not decide": lambda one: one.on_time(124.0),
    "settles": lambda one: one.on_time(109.0),
    "has heard it": lambda one: one.on_excused(107.0),
    "hears nothing": lambda one: one.on_time(109.0),
}


def warm(*steps: str) -> DialAttempt:
    one = DialAttempt(TIMES, 100.0, warm=True)
    for step in steps:
        WARM_STEPS[step](one)
    return one


@pytest.mark.parametrize(
    ("steps", "state", "action", "cause"),
    [
        (["rings", "answers"], State.BRIEFING, Do.BRIEF, None),
        (["answers", "accepts"], State.JOINED, Do.JOIN, None),
        (["answers", "is briefed", "accepts", "settles"], State.SETTLED, None, None),
        (["answers", "accepts", "hangs up"], State.FAILED, None, "target_left"),
        (["answers", "hangs up"], State.FAILED, None, "target_left"),
        (["answers", "declines"], State.FAILED, Do.END_LEG, "declined"),
        (["answers", "is voicemail"], State.FAILED, Do.END_LEG, "voicemail"),
        (["answers", "is briefed", "does not decide"], State.FAILED, Do.END_LEG, "accept_timeout"),
        (["answers", "is given up"], State.FAILED, Do.END_LEG, "internal"),
        (["answers", "caller leaves"], State.EXCUSING, Do.EXCUSE, "caller_left"),
        (["answers", "caller leaves", "has heard it"], State.OVER, Do.END_LEG, "caller_left"),
        (["answers", "caller leaves", "hears nothing"], State.OVER, Do.END_LEG, "caller_left"),
        (["answers", "caller leaves", "hangs up"], State.OVER, None, "caller_left"),
        (["rings", "refuses"], State.FAILED, None, "busy"),
        (["rings", "caller leaves"], State.FAILED, Do.END_LEG, "caller_left"),
    ],
)
def test_T1_T2_a_target_that_is_briefed(
    steps: list[str], state: State, action: Do | None, cause: str | None
) -> None:
    one = warm(*steps[:-1])
    assert (WARM_STEPS[steps[-1]](one), one.state) == (action, state)
    if cause is None:
        assert one.outcome is None or (one.outcome.ok and one.outcome.mode == "warm")
    else:
        assert one.outcome is not None
        assert (one.outcome.ok, one.outcome.cause, one.outcome.mode) == (False, cause, "warm")


@pytest.mark.parametrize("last", WARM_STEPS)
def test_T4_one_outcome_of_a_briefing(last: str) -> None:
    for end in (["answers", "declines"], ["answers", "caller leaves", "has heard it"]):
        one = warm(*end)
        before = one.outcome
        assert WARM_STEPS[last](one) is None
        assert one.outcome is before
        assert one.deadline == math.inf


def test_each_phase_of_a_briefing_is_bounded() -> None:
    one = warm("rings", "answers")
    assert one.deadline == 102.0 + 60 + 20, "the longest briefing, and the time to decide"
    one.on_briefed(104.0)
    assert one.deadline == 124.0
    one.on_briefed(110.0)
    assert one.deadline == 124.0, "the keys, told again, do not make it longer"
    one.on_accepted(106.0)
    assert one.deadline == 109.0
    assert one.phases == {"ringing": 1000, "briefing": 2000, "briefed": 4000, "joined": 6000}
    left = warm("answers", "caller leaves")
    assert left.deadline == 103.0 + 6


def test_a_key_after_the_caller_has_left_joins_nothing() -> None:
    one = warm("answers", "caller leaves")
    assert one.on_accepted(104.0) is None
    assert one.state is State.EXCUSING
