"""A caller's way through menus, by hand: keys and times in, steps out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.calls.menus.menu import (
    Action,
    HangUp,
    Menu,
    Say,
    Sound,
    ToAgent,
    ToMenu,
    ToQueue,
    ToTarget,
)
from sipua.calls.menus.walk import (
    GRACE_S,
    MOST_CLOSED,
    Entered,
    Hush,
    Left,
    MenuWalk,
    Play,
    Pressed,
    Step,
)
from sipua.config.values.hours import hours


def sound(name: str, seconds: float = 2.0) -> Sound:
    return Sound(name, np.zeros(int(seconds * 8000), np.int16))


PROMPT, HOURS, SUB = sound("main"), sound("hours"), sound("sub")
MAIN = Menu(
    "main",
    PROMPT,
    {
        "1": ToAgent("sales"),
        "2": ToTarget("sip:201@pbx"),
        "3": ToMenu("sub"),
        "4": Say(HOURS),
        "*": ToMenu("main"),
        "9": HangUp(),
    },
)
MENUS = {"main": MAIN, "sub": Menu("sub", SUB, {"0": ToMenu("main"), "1": ToAgent("support")})}


def walk(menus: Mapping[str, Menu] = MENUS) -> MenuWalk:
    one = MenuWalk(menus, ToMenu("main"))
    assert list(one.begin(0.0)) == [Entered("main"), Play((PROMPT,))]
    return one


def listening(menus: Mapping[str, Menu] = MENUS) -> MenuWalk:
    one = walk(menus)
    assert one.played(2.0) == ()
    return one


def left(action: Action, by: str = "key", key: str = "") -> Left:
    return Left("main", by, key, action)  # type: ignore[arg-type]  # by: a text of the test


def test_a_key_leads_to_its_agent() -> None:
    one = listening()
    agent = ToAgent("sales")
    steps = one.key("1", 3.0)
    assert list(steps) == [Pressed("main", "1", valid=True), left(agent, key="1"), agent]
    assert one.deadline is None
    assert one.ended() is None, "it has left the menu"


def test_a_key_ends_the_prompt() -> None:
    assert next(iter(walk().key("9", 0.5))) == Hush()


def test_a_wrong_key_ends_it_too_and_begins_it_anew() -> None:
    assert list(walk().key("7", 0.5)) == [
        Hush(),
        Pressed("main", "7", valid=False),
        Play((PROMPT,)),
    ]


def test_a_key_leads_to_another_menu_and_back() -> None:
    one = listening()
    assert list(one.key("3", 3.0))[-3:] == [
        left(ToMenu("sub"), key="3"),
        Entered("sub"),
        Play((SUB,)),
    ]
    assert list(one.key("0", 4.0))[-2:] == [Entered("main"), Play((PROMPT,))]


def test_a_prompt_behind_a_key_is_heard_and_the_menu_again() -> None:
    one = listening()
    assert list(one.key("4", 3.0))[-1] == Play((HOURS, PROMPT))
    assert one.deadline == pytest.approx(3.0 + 4.0 + GRACE_S)
    one.played(7.0)
    assert one.deadline == pytest.approx(7.0 + MAIN.no_input_s)
    assert list(one.key("1", 8.0))[-1] == ToAgent("sales")


def test_no_key_repeats_the_prompt_and_then_ends_the_call() -> None:
    one, now = listening(), 2.0
    for _ in range(MAIN.retries):
        now += MAIN.no_input_s
        assert one.deadline == pytest.approx(now)
        assert list(one.expire(now)) == [Play((PROMPT,))]
        now += 2.0
        one.played(now)
    steps = one.expire(now + MAIN.no_input_s)
    assert list(steps) == [left(HangUp(), "no_input"), HangUp()]


def test_wrong_keys_and_no_key_are_counted_together_and_the_last_one_decides() -> None:
    menu = replace(MAIN, on_no_input=ToAgent("a"), on_invalid=ToAgent("b"), retries=1)
    one = listening({"main": menu})
    one.key("7", 3.0)
    one.played(5.0)
    assert list(one.expire(10.0))[-1] == ToAgent("a")
    one = listening({"main": menu})
    one.expire(7.0)
    assert list(one.key("7", 8.0))[-1] == ToAgent("b")


def test_failures_are_counted_from_the_moment_that_the_menu_was_entered() -> None:
    one = listening({"main": replace(MAIN, retries=1)})
    one.key("7", 3.0)
    one.key("*", 4.0)
    assert list(one.key("7", 5.0))[-1] == Play((PROMPT,))


def test_the_last_words_are_heard_to_their_end_and_no_key_counts_any_more() -> None:
    menu = replace(MAIN, on_invalid=Say(HOURS), retries=0)
    one = listening({"main": menu})
    assert list(one.key("7", 3.0))[-1] == Play((HOURS,))
    assert one.key("1", 3.5) == ()
    assert list(one.played(5.0)) == [left(HangUp(), "invalid"), HangUp()]


def test_a_transfer_that_fails_leads_back_as_often_as_the_menu_is_repeated() -> None:
    one, now = listening({"main": replace(MAIN, retries=1)}), 3.0
    assert list(one.key("2", now))[-1] == ToTarget("sip:201@pbx")
    assert list(one.transfer_failed(5.0)) == [Play((PROMPT,))]
    one.played(7.0)
    assert list(one.key("2", 8.0))[-1] == ToTarget("sip:201@pbx")
    assert list(one.transfer_failed(9.0))[-1] == HangUp()


def test_a_transfer_for_want_of_a_key_is_not_tried_for_ever() -> None:
    menu = replace(MAIN, on_no_input=ToTarget("sip:201@pbx"), retries=0)
    one = listening({"main": menu})
    assert list(one.expire(7.0))[-1] == ToTarget("sip:201@pbx")
    assert list(one.transfer_failed(9.0)) == [left(HangUp(), "transfer_failed"), HangUp()]


def test_a_prompt_that_nobody_hears_is_not_waited_for_for_ever() -> None:
    one = walk()
    assert one.deadline == pytest.approx(2.0 + GRACE_S)
    assert one.expire(12.0) == ()
    assert one.deadline == pytest.approx(12.0 + MAIN.no_input_s)


def test_on_hold_the_time_for_a_key_begins_anew() -> None:
    one = listening()
    one.postpone(7.0)
    assert one.deadline == pytest.approx(7.0 + MAIN.no_input_s)
    assert list(one.key("1", 8.0))[-1] == ToAgent("sales")


def test_a_call_that_ends_in_the_menu_has_left_it() -> None:
    one = listening()
    assert one.ended() == Left("main", "ended", "", None)
    assert one.ended() is None
    assert one.key("1", 9.0) == ()


@given(st.lists(st.sampled_from(["1", "2", "3", "4", "7", "9", "*", "0", "t", "p", "f"])))
def test_whatever_comes_each_way_ends_once_and_never_without_a_deadline(acts: list[str]) -> None:
    one = walk()
    now, ends = 0.0, 0
    steps: Sequence[Step] = ()
    for act in acts:
        now += 1.0
        away = one.deadline is None
        if act == "f":
            steps = one.transfer_failed(now) if away and _is_transfer(steps) else ()
        elif act == "t":
            steps = () if away else one.expire(now)
        elif act == "p":
            steps = one.played(now)
        else:
            steps = one.key(act, now)
            assert not (away and steps), "no key counts behind the end"
        if any(isinstance(step, ToAgent | ToTarget | HangUp) for step in steps):
            ends += 1
            assert one.deadline is None
            if not _is_transfer(steps):
                break
        elif not away:
            assert one.deadline is not None


def _is_transfer(steps: Sequence[Step]) -> bool:
    return bool(steps) and isinstance(steps[-1], ToTarget)


def test_a_closed_menu_leads_where_it_says() -> None:
    office = hours("office", "UTC", ["Mo-Fr 08:00-18:00"])
    night = {"day": replace(MAIN, name="day", hours=office, closed=ToMenu("sub")), **MENUS}
    closed = MenuWalk(night, ToMenu("day"), lambda _: False)
    assert list(closed.begin(0.0)) == [
        Entered("day"),
        Left("day", "closed", "", ToMenu("sub")),
        Entered("sub"),
        Play((SUB,)),
    ]
    by_day = MenuWalk(night, ToMenu("day"), lambda _: True)
    assert next(iter(by_day.begin(0.0))) == Entered("day")


def test_a_closed_menu_may_say_so_and_end() -> None:
    office = hours("office", "UTC", ["Mo-Fr 08:00-18:00"])
    menus = {"day": replace(MAIN, name="day", hours=office, closed=Say(HOURS))}
    one = MenuWalk(menus, ToMenu("day"), lambda _: False)
    assert list(one.begin(0.0)) == [Entered("day"), Play((HOURS,))]
    assert one.key("1", 1.0) == ()
    assert list(one.played(2.0)) == [Left("day", "closed", "", HangUp()), HangUp()]


def test_closed_menus_that_lead_to_each_other_end_the_call() -> None:
    office = hours("office", "UTC", ["Mo-Fr 08:00-18:00"])
    circle = {
        name: replace(MAIN, name=name, hours=office, closed=ToMenu(other))
        for name, other in (("a", "b"), ("b", "a"))
    }
    steps = list(MenuWalk(circle, ToMenu("a"), lambda _: False).begin(0.0))
    assert steps[-1] == HangUp()
    assert steps.count(Entered("a")) + steps.count(Entered("b")) == MOST_CLOSED + 1


def test_a_key_leads_to_a_queue() -> None:
    menus = {"main": replace(MAIN, keys={"1": ToQueue("support")})}
    one = listening(menus)
    queue = ToQueue("support")
    assert list(one.key("1", 3.0)) == [Pressed("main", "1", True), left(queue, key="1"), queue]
    assert one.ended() is None
