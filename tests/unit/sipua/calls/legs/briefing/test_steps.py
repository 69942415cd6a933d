"""A briefing, step by step: it waits for the target's greeting, has an end, and never overlaps."""

from __future__ import annotations

from sipua.calls.legs.briefing.steps import (
    AGAIN_S,
    LONGEST_GREETING_S,
    MODEL_BEGINS_S,
    MODEL_SPEAKS_S,
    Act,
    BriefingSteps,
)


class Target:
    """What is heard of it, and the time."""

    def __init__(self, *, by_model: bool = False, by_key: bool = True) -> None:
        self.now = 10.0
        self.quiet_ms = 0
        self.spoke = False
        self.person = False
        self.steps = BriefingSteps(self.now, by_model=by_model, by_key=by_key)

    def after(self, seconds: float) -> list[Act]:
        """What is done in this time."""
        acts = []
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += 0.1
            act = self.steps.tick(
                self.now, quiet_ms=self.quiet_ms, spoke=self.spoke, person=self.person
            )
            if act is not None:
                acts.append(act)
        return acts

    def heard(self) -> None:
        self.steps.heard(self.now)


def test_it_begins_when_the_target_has_said_hello() -> None:
    target = Target()
    target.spoke = True
    assert target.after(1.5) == []
    target.quiet_ms = 600
    assert target.after(0.1) == [Act.SPEAK]
    assert target.after(5) == [], "nothing more until it was heard"


def test_it_begins_when_the_target_says_nothing_or_goes_on_and_on() -> None:
    assert Target().after(1.2) == [Act.SPEAK]
    talks = Target()
    talks.spoke = True
    assert talks.after(LONGEST_GREETING_S - 0.2) == []
    assert talks.after(0.4) == [Act.SPEAK]


def test_the_keys_are_told_again_while_no_key_comes() -> None:
    target = Target()
    target.after(1.2)
    target.heard()
    assert target.after(AGAIN_S - 0.2) == []
    assert target.after(0.4) == [Act.KEYS]
    target.heard()
    assert target.after(AGAIN_S + 0.2) == [Act.KEYS]


def test_who_accepts_by_listening_is_a_person() -> None:
    target = Target(by_key=False)
    target.after(1.2)
    target.person = True
    assert target.after(3) == [], "not before it was heard"
    target.heard()
    assert target.after(0.1) == [Act.ACCEPT]
    unknown = Target(by_key=False)
    unknown.after(1.2)
    unknown.heard()
    assert unknown.after(60) == [], "what decides then is the time"


def test_the_model_speaks_and_has_an_end() -> None:
    target = Target(by_model=True)
    assert target.after(1.2) == [Act.ASK_MODEL]
    target.steps.model_began()
    assert target.after(0.1) == [Act.LET_MODEL]
    assert target.after(MODEL_SPEAKS_S - 0.2) == []
    assert target.after(0.4) == [Act.END_MODEL]
    assert target.after(60) == []
    ended = Target(by_model=True)
    ended.after(1.2)
    ended.steps.model_began()
    ended.after(0.1)
    ended.steps.model_ended()
    assert ended.after(60) == []


def test_a_model_that_does_not_begin_gives_way_to_the_text() -> None:
    target = Target(by_model=True)
    target.after(1.2)
    assert target.after(MODEL_BEGINS_S + 0.2) == [Act.SPEAK]
