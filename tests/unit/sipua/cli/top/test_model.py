"""Keys and news change the state, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.cli.top import frame
from sipua.cli.top.model import (
    SORTS,
    Detail,
    Drain,
    HangUp,
    Notice,
    Quit,
    State,
    Trouble,
    arrived,
    press,
    shown,
)
from support.calls.top_state import NOW_S, call, snapshot, state, stats

THREE = tuple(call(f"c-{n}", age_s=float(n), **{"from": f"…000{n}"}) for n in (1, 2, 3))


def pressed(given_: State, *keys: str) -> State:
    for key in keys:
        given_, order = press(given_, key)
        assert order is None, key
    return given_


def ids(given_: State) -> list[object]:
    return [one["id"] for one in shown(given_)]


def test_the_cursor_stays_on_its_call_when_lines_move() -> None:
    there = pressed(state(*THREE), "j")
    assert there.chosen == "c-2"
    later = arrived(there, snapshot(call("c-9", age_s=0.0), *THREE))
    assert later.chosen == "c-2"
    assert pressed(later, "j").chosen == "c-3"
    gone = arrived(later, snapshot(*THREE[:1]))
    assert pressed(gone, "down").chosen == "c-1"
    assert pressed(state(*THREE), "G").chosen == "c-3"
    assert pressed(state(*THREE), "G", "g").chosen == "c-1"
    assert pressed(state(), "j", "enter", "x").chosen == ""


def test_the_filter() -> None:
    many = state(*THREE, call("c-4", route="day", origin="pbx"))
    typed = pressed(many, "/", *"DAY q")
    assert (typed.typing, ids(typed)) == (True, [])
    typed = pressed(typed, "backspace", "backspace", "enter")
    assert (typed.typing, ids(typed)) == (False, ["c-4"])
    assert ids(pressed(many, "/", *"0002", "enter")) == ["c-2"]
    assert len(ids(pressed(typed, "esc"))) == 4
    assert len(ids(pressed(many, "/", *"day", "esc"))) == 4
    assert len(pressed(many, "/", *("x" * 200)).filter) == 64


def test_each_order_of_the_list() -> None:
    quiet = call("c-1", last_latency_ms=None, **{"from": None})
    slow = call("c-2", last_latency_ms=5000, stats=stats(0.2))
    both = state(quiet, slow)
    for number, sort in enumerate(SORTS):
        at = replace(both, sort=number)
        assert sorted(map(str, ids(at))) == ["c-1", "c-2"], sort.name
        if sort.name in ("loss", "latency"):
            assert ids(at) == ["c-2", "c-1"]
    assert pressed(both, "S").sort == len(SORTS) - 1
    assert pressed(both, "s").sort == 1


def test_nothing_is_hung_up_without_a_yes() -> None:
    asked = pressed(state(*THREE), "j", "x")
    assert asked.question is not None
    assert "c-2, …0002 → 100" in asked.question.text
    for key in ("x", "enter", "n", "esc", "q", " "):
        left, order = press(asked, key)
        assert (order, left.question) == (None, None)
    done, order = press(asked, "y")
    assert (order, done.question) == (HangUp("c-2"), None)


def test_the_answer_is_about_the_call_that_was_asked_about() -> None:
    asked = pressed(state(*THREE), "x")
    other = arrived(asked, snapshot(call("c-9", age_s=0.0), *THREE))
    assert press(other, "y")[1] == HangUp("c-1")


def test_draining_and_back() -> None:
    asked = pressed(state(*THREE), "d")
    assert press(asked, "y")[1] == Drain(on=True)
    draining = arrived(asked, snapshot(*THREE, edge={"draining": True}))
    back = pressed(draining, "n", "d")
    assert press(back, "y")[1] == Drain(on=False)
    assert pressed(State(), "d").question is None


def test_one_call_and_back() -> None:
    there = pressed(state(*THREE), "j", "enter")
    assert (there.page, there.looked_at, there.detail) == ("call", "c-2", None)
    assert arrived(there, Detail(NOW_S, call("c-1"))).detail is None  # it came too late
    there = arrived(there, Detail(NOW_S, call("c-2")))
    assert pressed(there, "tab").tab == "sip"
    assert pressed(there, "left").tab == "events"
    assert pressed(there, "3").tab == "events"
    assert press(pressed(there, "x"), "y")[1] == HangUp("c-2")
    scrolled, _ = press(there, "end", 10, 30)
    assert scrolled.scroll == 30
    assert press(scrolled, "k", 10, 30)[0].scroll == 29
    assert pressed(there, "esc").page == "calls"
    ended = arrived(there, Detail(NOW_S, call("c-2", state="ended")))
    assert pressed(ended, "x").question is None


def test_help_goes_back_to_where_it_was_asked_for() -> None:
    there = pressed(state(*THREE), "enter", "?")
    assert there.page == "help"
    assert pressed(there, "j").page == "call"


def test_quit() -> None:
    assert press(state(), "q")[1] == Quit()
    assert press(replace(state(), typing=True), "q")[1] is None


def test_trouble_lasts_until_the_edge_answers() -> None:
    lost = arrived(state(*THREE), Trouble(NOW_S, "refused"))
    lost = arrived(lost, Trouble(NOW_S + 5, "no route"))
    assert lost.trouble == Trouble(NOW_S, "no route")
    assert len(shown(lost)) == 3
    assert arrived(lost, snapshot()).trouble is None
    said = arrived(state(), Notice("no", good=False))
    assert pressed(said, "s").notice is None


_KEYS = st.sampled_from(
    [*"jkgGxyndqsS/? 1239a", "enter", "esc", "tab", "back-tab", "left", "right", "page-up"]
)


@given(
    st.lists(_KEYS, max_size=40), st.integers(0, 4), st.sampled_from([(80, 24), (31, 7), (9, 2)])
)
def test_no_key_breaks_it(keys: list[str], count: int, size: tuple[int, int]) -> None:
    now = state(*THREE[:count])
    columns, rows = size
    for key in keys:
        now, _ = press(now, key, 5, frame.furthest(now, columns, rows))
        lines = frame.screen(now, columns, rows, NOW_S)
        assert len(lines) == rows


@pytest.mark.parametrize("key", ["enter", "x", "j"])
def test_before_the_edge_has_answered(key: str) -> None:
    assert pressed(State(), key).page == "calls"
