"""Who has the floor: what is cut at once, what waits, what is never cut."""

from sipua.bridge.turns.barge_in import BargeIn, BargeInPolicy


def greeting(settings: BargeIn) -> BargeInPolicy:
    floor = BargeInPolicy(settings)
    floor.item_began("greeting")
    return floor


def test_who_speaks_has_the_floor_at_once() -> None:
    floor = greeting(BargeIn())
    assert floor.caller_began(20, local=False)
    assert floor.caller_speaks
    assert not floor.waiting
    floor.caller_ended(local=False)
    assert not floor.caller_speaks


def test_within_the_grace_the_greeting_goes_on_and_is_cut_at_its_end_by_who_still_speaks() -> None:
    floor = greeting(BargeIn(grace_ms=1000))
    assert not floor.caller_began(200, local=False)
    assert floor.waiting
    assert not floor.due(980)
    assert floor.due(1000)
    assert not floor.due(1020), "once"


def test_who_has_finished_within_the_grace_cuts_nothing() -> None:
    floor = greeting(BargeIn(grace_ms=1000))
    assert not floor.caller_began(200, local=False)
    floor.caller_ended(local=False)
    assert not floor.due(1000)


def test_after_the_grace_and_in_answers_there_is_none() -> None:
    floor = greeting(BargeIn(grace_ms=1000))
    assert floor.caller_began(1000, local=False)
    floor = greeting(BargeIn(grace_ms=1000))
    floor.item_ended("greeting")
    floor.item_began("answer")
    assert floor.caller_began(0, local=False)


def test_what_is_said_to_a_caller_who_spoke_first_is_no_greeting() -> None:
    floor = BargeInPolicy(BargeIn(grace_ms=1000))
    assert floor.caller_began(0, local=False)
    floor.caller_ended(local=False)
    floor.item_began("answer")
    assert floor.caller_began(0, local=False)


def test_a_goodbye_is_not_cut_and_what_follows_is() -> None:
    floor = greeting(BargeIn())
    floor.interruptible = False
    assert not floor.caller_began(20, local=False)
    assert not floor.due(2000)
    floor.interruptible = True
    assert floor.due(2020)


def test_where_it_is_off_nothing_is_cut_and_the_turn_is_known_all_the_same() -> None:
    floor = greeting(BargeIn(enabled=False))
    assert not floor.caller_began(20, local=False)
    assert floor.caller_speaks
    assert not floor.waiting


def test_we_listen_only_where_the_engine_does_not() -> None:
    floor = BargeInPolicy(BargeIn())
    assert not floor.listens
    floor.engine_changed(speech_events=False)
    assert floor.listens
    assert not floor.caller_began(0, local=False)
    assert floor.caller_began(0, local=True)
    floor.caller_ended(local=False)
    assert floor.caller_speaks
    floor.caller_ended(local=True)
    assert not floor.caller_speaks


def test_the_detector_can_be_chosen() -> None:
    floor = BargeInPolicy(BargeIn(detector="local"))
    floor.engine_changed(speech_events=True)
    assert floor.listens
    assert not floor.caller_began(0, local=False)
    floor = BargeInPolicy(BargeIn(detector="engine"))
    floor.engine_changed(speech_events=False)
    assert not floor.listens
    assert not floor.caller_began(0, local=True)


def test_another_session_knows_nothing_of_a_turn_that_had_begun() -> None:
    floor = greeting(BargeIn(grace_ms=1000))
    assert not floor.caller_began(0, local=False)
    floor.engine_changed(speech_events=True)
    assert not floor.waiting
    assert not floor.caller_speaks
