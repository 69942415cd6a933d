"""When an agent that talks with a target is asked to speak, and when its decision is done."""

from __future__ import annotations

import pytest

from sipua.calls.legs.briefing.talk_steps import (
    AGENT_BEGINS_S,
    ANSWERS_WITHIN_MS,
    LAST_SENTENCE_S,
    Decided,
    TalkAct,
    TalkSteps,
)


class Target:
    """It has answered at second 100."""

    def __init__(self) -> None:
        self.now = 100.0
        self.steps = TalkSteps(self.now)
        self.quiet_ms = 0
        self.spoke = self.person = self.owes = self.speaking = False
        self.ready = True

    def after(self, seconds: float) -> TalkAct | None:
        self.now += seconds
        return self.steps.tick(
            self.now,
            quiet_ms=self.quiet_ms,
            spoke=self.spoke,
            person=self.person,
            ready=self.ready,
            owes=self.owes,
            speaking=self.speaking,
        )


def test_one_who_says_nothing_is_spoken_to() -> None:
    target = Target()
    assert target.after(0.9) is None
    assert target.after(0.2) is TalkAct.OPEN
    assert target.after(0.1) is None, "once"


def test_an_engine_that_answers_by_itself_is_not_asked() -> None:
    target = Target()
    target.spoke, target.quiet_ms = True, ANSWERS_WITHIN_MS - 100
    assert target.after(0.8) is None
    target.owes = True
    assert target.after(0.2) is None
    target.owes = False
    assert target.after(2) is None, "it has begun to talk"


def test_an_engine_that_does_not_answer_is_asked() -> None:
    target = Target()
    target.spoke, target.quiet_ms = True, ANSWERS_WITHIN_MS
    assert target.after(2) is TalkAct.OPEN


def test_the_text_takes_the_place_of_an_agent_that_does_not_come() -> None:
    target = Target()
    target.ready = False
    assert target.after(AGENT_BEGINS_S - 0.1) is None
    assert target.after(0.2) is TalkAct.TEXT
    assert target.after(1) is None
    assert target.steps.give_up() is None, "once"


def test_one_that_is_lost_later() -> None:
    target = Target()
    target.steps.began()
    assert target.after(AGENT_BEGINS_S + 1) is None
    assert target.steps.give_up() is TalkAct.TEXT


@pytest.mark.parametrize(
    ("decided", "act"), [("accepted", TalkAct.ACCEPT), ("declined", TalkAct.DECLINE)]
)
def test_a_decision_is_done_behind_the_last_sentence(decided: Decided, act: TalkAct) -> None:
    target = Target()
    target.steps.began()
    target.person = target.speaking = True
    target.steps.decide(decided, target.now)
    assert target.after(1) is None
    target.speaking = False
    assert target.after(0.1) is act
    assert target.after(0.1) is None


def test_a_sentence_without_an_end() -> None:
    target = Target()
    target.person = target.speaking = True
    target.steps.decide("accepted", target.now)
    assert target.after(LAST_SENTENCE_S + 0.1) is TalkAct.ACCEPT


def test_what_is_no_person_takes_no_call_and_may_be_declined() -> None:
    target = Target()
    target.steps.began()
    target.steps.decide("accepted", target.now)
    assert target.after(5) is None
    target.person = True
    assert target.after(0.1) is TalkAct.ACCEPT
    machine = Target()
    machine.steps.decide("declined", machine.now)
    assert machine.after(0.1) is TalkAct.DECLINE
