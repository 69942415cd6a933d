"""Barge-in: what is cut at once, what waits, what is never cut."""

from sipua.bridge.turns.barge_in import BargeInPolicy
from sipua.bridge.turns.barge_in_settings import BargeIn
from support.engine.line import turn_state


class Policy(BargeInPolicy):
    """Told as in a call: the turn state first."""

    def __init__(self, settings: BargeIn) -> None:
        self.turns = turn_state()
        super().__init__(settings, self.turns)

    def engine_changed(self, *, speech_events: bool, barge_in: bool = True) -> None:
        self.turns.session_began()
        super().engine_changed(speech_events=speech_events, barge_in=barge_in)

    def caller_began(self, greeted_ms: int, *, local: bool) -> bool:
        self.turns.caller_began(local=local)
        return super().caller_began(greeted_ms, local=local)

    def caller_ended(self, *, local: bool) -> None:
        self.turns.caller_ended(local=local)


def greeting(settings: BargeIn) -> Policy:
    policy = Policy(settings)
    policy.item_began("greeting")
    return policy


def test_who_speaks_has_the_floor_at_once() -> None:
    policy = greeting(BargeIn())
    assert policy.caller_began(20, local=False)
    assert policy.caller_speaks
    assert not policy.waiting
    policy.caller_ended(local=False)
    assert not policy.caller_speaks


def test_within_the_grace_the_greeting_goes_on_and_is_cut_at_its_end_by_who_still_speaks() -> None:
    policy = greeting(BargeIn(grace_ms=1000))
    assert not policy.caller_began(200, local=False)
    assert policy.waiting
    assert not policy.due(980)
    assert policy.due(1000)
    assert not policy.due(1020), "once"


def test_who_has_finished_within_the_grace_cuts_nothing() -> None:
    policy = greeting(BargeIn(grace_ms=1000))
    assert not policy.caller_began(200, local=False)
    policy.caller_ended(local=False)
    assert not policy.due(1000)


def test_after_the_grace_and_in_answers_there_is_none() -> None:
    policy = greeting(BargeIn(grace_ms=1000))
    assert policy.caller_began(1000, local=False)
    policy = greeting(BargeIn(grace_ms=1000))
    policy.item_ended("greeting")
    policy.item_began("answer")
    assert policy.caller_began(0, local=False)


def test_what_is_said_to_a_caller_who_spoke_first_is_no_greeting() -> None:
    policy = Policy(BargeIn(grace_ms=1000))
    assert policy.caller_began(0, local=False)
    policy.caller_ended(local=False)
    policy.item_began("answer")
    assert policy.caller_began(0, local=False)


def test_a_goodbye_is_not_cut_and_what_follows_is() -> None:
    policy = greeting(BargeIn())
    policy.interruptible = False
    assert not policy.caller_began(20, local=False)
    assert not policy.due(2000)
    policy.interruptible = True
    assert policy.due(2020)


def test_where_it_is_off_nothing_is_cut_and_the_turn_is_known_all_the_same() -> None:
    policy = greeting(BargeIn(enabled=False))
    assert not policy.caller_began(20, local=False)
    assert policy.caller_speaks
    assert not policy.waiting


def test_we_listen_only_where_the_engine_does_not() -> None:
    policy = Policy(BargeIn())
    assert policy.own_detection is None
    policy.engine_changed(speech_events=False)
    assert policy.own_detection is not None
    assert not policy.caller_began(0, local=False)
    assert policy.caller_began(0, local=True)
    policy.caller_ended(local=False)
    assert policy.caller_speaks
    policy.caller_ended(local=True)
    assert not policy.caller_speaks


def test_the_detector_can_be_chosen() -> None:
    policy = Policy(BargeIn(detector="local"))
    policy.engine_changed(speech_events=True)
    assert policy.own_detection is not None
    assert not policy.caller_began(0, local=False)
    policy = Policy(BargeIn(detector="engine"))
    policy.engine_changed(speech_events=False)
    assert policy.own_detection is None
    assert not policy.caller_began(0, local=True)


def test_another_session_knows_nothing_of_a_turn_that_had_begun() -> None:
    policy = greeting(BargeIn(grace_ms=1000))
    assert not policy.caller_began(0, local=False)
    policy.engine_changed(speech_events=True)
    assert not policy.waiting
    assert not policy.caller_speaks


def test_an_agent_that_alone_decides_is_cut_by_nothing_and_its_turns_are_found_all_the_same() -> (
    None
):
    policy = greeting(BargeIn())
    policy.engine_changed(speech_events=False, barge_in=False)
    assert policy.own_detection is not None
    assert not policy.caller_began(5000, local=True)
    assert not policy.waiting
    assert policy.turns.turn == "caller"
    policy.engine_changed(speech_events=True, barge_in=True)
    assert policy.own_detection is None
