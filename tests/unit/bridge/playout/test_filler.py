"""When there is dead air to fill, and when not any more."""

import numpy as np

from sipua.bridge.playout.filler import Filler
from sipua.bridge.playout.sounds import Sounds

SOFT, HOLD = np.ones(160, np.int16), np.full(160, 2, np.int16)


def filler() -> Filler:
    return Filler(Sounds(filler=SOFT, filler_delay_ms=500))


def test_it_begins_when_nothing_has_been_heard_for_the_delay() -> None:
    sound = filler()
    assert not sound.active
    sound.outage(10.0)
    assert sound.tick(10.1, speaking=True) == (False, None)
    assert sound.tick(10.4, speaking=False) == (False, None)
    assert sound.tick(10.59, speaking=False) == (False, None)
    assert sound.tick(10.61, speaking=False) == (True, SOFT)
    assert sound.tick(10.63, speaking=False) == (False, SOFT)


def test_it_ends_with_the_first_audio() -> None:
    sound = filler()
    sound.outage(10.0)
    sound.tick(11.0, speaking=False)
    sound.spoken()
    assert sound.tick(11.1, speaking=True) == (True, None)
    assert not sound.active


def test_an_engine_that_comes_back_without_a_word_ends_it_after_a_while() -> None:
    sound = filler()
    sound.outage(10.0)
    sound.tick(11.0, speaking=False)
    sound.engine_back(12.0)
    assert sound.tick(14.9, speaking=False) == (False, SOFT)
    assert sound.tick(15.0, speaking=False) == (True, None)


def test_a_second_outage_while_the_first_is_mended_goes_on_with_it() -> None:
    sound = filler()
    sound.outage(10.0)
    sound.tick(11.0, speaking=False)
    sound.engine_back(12.0)
    sound.outage(12.5)
    assert sound.tick(20.0, speaking=False) == (False, SOFT)


def test_an_engine_in_use_without_an_outage_changes_nothing() -> None:
    sound = filler()
    sound.engine_back(1.0)
    assert not sound.active


def test_on_hold_there_is_the_holds_sound_whatever_the_engine_does() -> None:
    sound = filler()
    sound.ask(HOLD)
    assert sound.tick(10.0, speaking=False) == (True, HOLD)
    sound.outage(10.0)
    assert sound.tick(11.0, speaking=False) == (False, HOLD)
    sound.ask(None)
    assert sound.tick(11.1, speaking=False) == (True, SOFT)
    sound.spoken()
    assert sound.tick(11.2, speaking=False) == (True, None)
