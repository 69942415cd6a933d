"""Lines, judged as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipua.cli.top import call_list, frame
from sipua.cli.top.lines import Line, plain
from sipua.cli.top.model import Detail, State, Trouble
from sipua.process.terminal_text import width
from support.calls.top_state import NOW_S, call, snapshot, state, stats

BAD = call(
    "c-2",
    stats=stats(0.02, 0.12, round_trip_ms=410.0),
    last_latency_ms=5800,
    engine_up=False,
)


def screen(given: State, columns: int = 120, rows: int = 24, later_s: float = 0.0) -> list[str]:
    lines = frame.screen(given, columns, rows, NOW_S + later_s)
    assert len(lines) == rows
    return plain(lines, columns).splitlines()


def test_the_header() -> None:
    first, second, third, *_ = screen(state(call()))
    assert first.startswith("sipua berlin 1.2.3")
    assert "up 1 h 01  calls 1/100" in first
    assert second == "registered 1/1  workers 1/1 (1 calls)  refused 2"
    assert third == ""


def test_what_is_wrong_is_in_the_third_line() -> None:
    workers = [
        {"worker": 1, "ready": False, "deaths": 2, "cause": "killed by signal 9", "calls": 0}
    ]
    accounts = [{"account": "pbx", "state": "failed", "status": 401, "reason": "Unauthorized"}]
    bad = State(snapshot(workers=workers, registrations=accounts))
    _, second, third, *_ = screen(bad)
    assert "registered 0/1  workers 0/1 (0 calls), 2 died" in second
    assert third == "! worker 1 is down: killed by signal 9  (and 1 more)"
    drained = State(
        snapshot(
            call(),
            edge={"draining": True},
            drain={"draining": True, "calls": 1, "oldest_s": 42.0, "left_s": 600, "stopping": True},
        )
    )
    assert "DRAINING 1 left, the oldest 42 s, hung up in 10:00, then it stops" in screen(drained)[0]
    lost = replace(state(call()), trouble=Trouble(NOW_S - 12, "connection refused"))
    assert screen(lost)[2] == "! the API is lost for 12 s: connection refused"


def test_a_call_in_its_line() -> None:
    head, line, *_ = screen(state(BAD))[3:]
    assert head.split()[:4] == ["call", "dir", "state", "age"]
    words = f" {' '.join(line.split())} "
    assert " c-2 in active 42 s …1234 100 carrier night PCMU " in words
    assert " 12.0 4.2 410 5800 " in words


@pytest.mark.parametrize("columns", range(30, 200, 7))
def test_columns_fit(columns: int) -> None:
    chosen = call_list.columns(columns)
    assert {"state", "age", "from"} <= {one.name for one in chosen}
    for line in call_list.lines(state(BAD), columns, 10, NOW_S):
        assert line.cells <= max(columns, 27)


def test_ages_go_on_between_two_answers_and_stand_without_the_edge() -> None:
    assert "44 s" in screen(state(call()), later_s=2)[4]
    lost = replace(state(call()), trouble=Trouble(NOW_S, "gone"))
    assert "42 s" in screen(lost, later_s=2)[4]


def test_the_chosen_one_is_in_view() -> None:
    calls = [call(f"c-{n:03}", age_s=float(n)) for n in range(300)]
    for n in (0, 5, 150, 299):
        lines = frame.screen(state(*calls, chosen=f"c-{n:03}"), 160, 24, NOW_S)
        (chosen,) = [line for line in lines if line.chosen]
        assert f"c-{n:03}" in chosen.text


def test_texts_of_others_do_not_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\n"
    given = state(call("c-1", **{"from": f"sip:{evil}@x", "origin": evil, "engine": evil}))
    detail = Detail(
        NOW_S,
        call("c-1", **{"from": evil, "end": {"by": evil, "reason": evil, "detail": evil}}),
        [{"time": "2026-11-18T11:06:40.000Z", "type": evil, "data": {evil: [evil, {evil: evil}]}}],
        evil,
    )
    for tab in ("now", "sip", "events"):
        for now in (given, replace(given, page="call", looked_at=evil, detail=detail, tab=tab)):
            lines = frame.screen(now, 200, 30, NOW_S)
            for line in lines:
                assert not set(line.text) & set("\x1b\x07\x9b\u202e\n")
                shown = line.ansi(200, colour=False)
                for code in ("1", "2", "7", "0", "1;4", "7;1", "7;1;4"):
                    shown = shown.replace(f"\x1b[{code}m", "")
                assert "\x1b" not in shown


def test_a_line_is_cut_by_cells_and_not_by_characters() -> None:
    line = Line("日本語テスト", "bold").add("abc")
    assert line.cells == 15
    assert width(line.ansi(7, colour=False).replace("\x1b[1m", "").replace("\x1b[0m", "")) <= 7
    assert plain([line], 7) == "日本語…\n"


def test_without_colour_there_is_none() -> None:
    lines = frame.screen(state(call(), BAD), 120, 24, NOW_S)
    coloured = "".join(line.ansi(120, colour=True) for line in lines)
    assert "\x1b[1;31m" in coloured
    bare = "".join(line.ansi(120, colour=False) for line in lines)
    assert not any(f"{code}m" in bare for code in ("31", "32", "33", "36"))


def test_once_has_all_calls_and_no_keys() -> None:
    calls = [call(f"c-{n:03}") for n in range(100)]
    lines = frame.once(state(*calls), 120, NOW_S)
    assert len(lines) == 3 + 1 + 100
    assert not any(line.chosen for line in lines)


def test_a_terminal_that_is_too_small_is_no_crash() -> None:
    assert screen(state(call()), 10, 2)[0] == "too small"
    assert screen(State())[2] == "asking the edge …"
