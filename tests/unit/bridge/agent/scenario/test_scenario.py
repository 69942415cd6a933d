import pytest

from sipua.bridge.agent.scenario.scenario import (
    ALWAYS,
    OPEN,
    Connect,
    ConnectQueue,
    Request,
    Scenario,
    Script,
    Step,
    joined,
)

SPEECH = Request("speech")


def script(*steps: Step, taken: dict[int, int] | None = None, now: float = 100.0) -> Script:
    return Script(Scenario(steps=steps), {} if taken is None else taken, now)


def test_the_first_step_that_fits_is_taken_as_often_as_it_says() -> None:
    greeting, twice, rest = Step(on="greeting"), Step(on="speech", times=2), Step(times=ALWAYS)
    played = script(greeting, twice, rest)
    assert [played.step(SPEECH, 100.0) for _ in range(4)] == [twice, twice, rest, rest]
    assert played.step(Request("greeting"), 100.0) == greeting
    assert played.step(Request("greeting"), 100.0) == rest


def test_no_step_fits() -> None:
    played = script(Step(on="tool_result"), Step(on="time", at_s=1, cut=True))
    assert played.step(SPEECH, 100.0) is None


def test_what_was_heard_decides() -> None:
    yes, other = Step(heard=r"\b(yes|sure)\b", times=ALWAYS), Step(times=ALWAYS)
    played = script(yes, other)
    for words, step in (("Yes please", yes), ("yesterday", other), ("", other), (None, other)):
        assert played.step(Request("speech", words), 100.0) == step


def test_a_step_waits_for_its_second_of_the_session() -> None:
    late = Step(at_s=5)
    played = script(late)
    assert played.step(SPEECH, 104.9) is None
    assert played.step(SPEECH, 105.0) == late


def test_the_server_s_counts_live_longer_than_a_session() -> None:
    once, each = Step(on="greeting", scope="server"), Step(on="speech")
    taken: dict[int, int] = {}
    first, second = script(once, each, taken=taken), script(once, each, taken=taken)
    assert first.step(Request("greeting"), 100.0) == once
    assert second.step(Request("greeting"), 100.0) is None
    assert first.step(SPEECH, 100.0) == second.step(SPEECH, 100.0) == each


def test_timed_steps_come_once_a_session_in_the_order_of_their_times() -> None:
    late, soon = (
        Step(on="time", at_s=9, cut=True, times=ALWAYS),
        Step(on="time", at_s=2, close=1011),
    )
    played = script(late, soon)
    assert played.next_deadline == 102.0
    assert played.timed(101.9) is None
    assert played.timed(102.0) == soon
    assert played.next_deadline == 109.0
    assert played.timed(200.0) == late
    assert (played.timed(300.0), played.next_deadline) == (None, None)


def test_a_timed_step_of_the_server_hits_one_session() -> None:
    step = Step(on="time", at_s=1, freeze=True, scope="server")
    taken: dict[int, int] = {}
    assert script(step, taken=taken).timed(101.0) == step
    assert script(step, taken=taken).timed(101.0) is None


def test_connections_go_through_the_list_and_are_then_let_in() -> None:
    limited, slow = Connect(status=429, times=2), Connect(slow_s=3)
    connects = ConnectQueue((limited, slow))
    assert [connects.next(0.0) for _ in range(5)] == [limited, limited, slow, OPEN, OPEN]


def test_connections_can_be_refused_for_ever_from_some_second_on() -> None:
    refused = Connect(status=503, times=ALWAYS, from_s=10)
    connects = ConnectQueue((refused,))
    assert [connects.next(age_s) for age_s in (0, 9.9, 10, 99)] == [OPEN, OPEN, refused, refused]


def test_two_scenarios_become_one() -> None:
    first, second = Step(on="greeting"), Step(on="speech")
    both = joined(Scenario(steps=(first,)), Scenario(steps=(second,), voice="de"))
    assert both == Scenario(steps=(first, second), voice="de")


@pytest.mark.parametrize(
    ("step", "speaks"), [(Step(), False), (Step(cut=True), False), (Step(tone_ms=1), True)]
)
def test_whether_a_step_has_words_of_its_own(step: Step, speaks: bool) -> None:
    assert step.speaks is speaks
