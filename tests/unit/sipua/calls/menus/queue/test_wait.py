"""What a caller hears in a queue, and when: places, keys and times in, steps out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sipua.calls.menus.menu import HangUp, Say, Sound, ToAgent, ToMenu
from sipua.calls.menus.queue.queue import Queue, Spoken, minutes_said
from sipua.calls.menus.queue.wait import Announce, Leave, PlaySound, QueueWait

HINT = Sound("hint", np.zeros(8000, np.int16))
QUEUE = Queue(
    "support",
    announce_every_s=30,
    keys={"1": ToMenu("main"), "2": Say(HINT), "9": HangUp()},
    max_wait_s=100,
    on_timeout=ToAgent("night"),
)


def waiting() -> QueueWait:
    wait = QueueWait(QUEUE, 0.0)
    assert wait.placed(3, 90.0, 0.0) == [Announce(3, 90.0)]
    wait.lasts(4.0, 1.0)
    return wait


def test_the_place_is_told_at_once_and_then_at_times() -> None:
    wait = waiting()
    assert wait.deadline == 35.0, "counted from the end of the announcement"
    assert wait.expire(34.9) == ()
    assert wait.placed(2, None, 20.0) == (), "a change is told with the next one"
    assert wait.expire(35.0) == [Announce(2, None)]
    assert wait.deadline == 100.0, "while it is being prepared there is no other one"


def test_too_long() -> None:
    assert waiting().expire(100.0) == [Leave("timeout", "", ToAgent("night"))]


def test_nobody_is_sent_away_while_somebody_is_called() -> None:
    wait = waiting()
    wait.ringing = True
    assert wait.expire(100.0) == [Announce(3, 90.0)]
    wait.ringing = False
    assert wait.deadline == 100.0
    assert wait.expire(101.0) == [Leave("timeout", "", ToAgent("night"))]


def test_keys() -> None:
    wait = waiting()
    assert wait.key("1") == [Leave("key", "1", ToMenu("main"))]
    assert wait.key("2") == [PlaySound(HINT)]
    assert wait.key("9") == [Leave("key", "9", HangUp())]
    assert wait.key("5") == ()


def test_behind_the_answer_keys_are_for_the_person() -> None:
    wait = waiting()
    wait.ringing = wait.connected = True
    assert wait.key("1") == ()
    assert wait.expire(1000.0) == ()
    assert wait.deadline == math.inf


def test_a_turn_that_comes_at_once_needs_no_announcement() -> None:
    wait = QueueWait(QUEUE, 0.0)
    wait.ringing = True
    assert wait.placed(1, None, 0.0) == ()
    assert wait.deadline == 30.0, "but later, if nobody answers"


def test_only_at_the_beginning() -> None:
    wait = QueueWait(Queue("q", announce_every_s=0, max_wait_s=50), 0.0)
    assert wait.placed(1, None, 0.0) == [Announce(1, None)]
    wait.lasts(2.0, 0.0)
    assert wait.deadline == 50.0


def test_on_hold_nothing_is_told() -> None:
    wait = waiting()
    wait.postpone(35.0)
    assert wait.deadline == 65.0


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [(0, 1), (59, 1), (60, 1), (61, 2), (600, 10), (601, 15), (3600, 60), (3601, None)],
)
def test_minutes_are_rounded_up(seconds: float, minutes: int | None) -> None:
    assert minutes_said(seconds) == minutes


def test_what_is_said() -> None:
    spoken = Spoken("You are number {position}.", "About {minutes} minutes.")
    assert spoken.texts(2, 100) == ["You are number 2.", "About 2 minutes."]
    assert spoken.texts(2, None) == ["You are number 2."]
    assert spoken.texts(2, 9999) == ["You are number 2."]
    assert Spoken().texts(1, 10) == []
