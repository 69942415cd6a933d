"""The list of calls: as many columns as fit, the most useful first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sipua.cli.top import figures
from sipua.cli.top.figures import Call, age, caller, graded, number, who
from sipua.cli.top.lines import Line, Style
from sipua.cli.top.model import SORTS, State, place, shown


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    cells: int
    need: int
    """1: it is always there; the higher, the sooner it goes."""
    text: Callable[[Call], str]
    style: Callable[[Call], Style] = lambda _: ""
    right: bool = False
    grows: bool = False


def _muted(call: Call) -> str:
    return "".join(side[0].upper() for side in call.get("muted", ()))


COLUMNS: Final = (
    Column("call", 10, 4, lambda call: call["id"], lambda _: "dim"),
    Column("dir", 3, 3, lambda call: "in" if call["direction"] == "incoming" else "out"),
    Column("state", 7, 1, figures.state, figures.state_style),
    Column("mute", 4, 9, _muted, lambda _: "warn"),
    Column("age", 6, 1, lambda call: age(call["age_s"]), right=True),
    Column("from", 12, 1, caller, grows=True),
    Column("to", 12, 2, lambda call: who(call.get("to")), grows=True),
    Column("trunk", 10, 5, lambda call: call.get("origin") or "-", lambda _: "dim"),
    Column("route", 10, 5, lambda call: call.get("route") or "-", lambda _: "dim"),
    Column("codec", 5, 7, figures.codec, lambda _: "dim"),
    Column(
        "loss%",
        5,
        2,
        lambda call: number(figures.loss(call), 1),
        lambda call: graded(figures.loss(call), 1, 5),
        right=True,
    ),
    Column(
        "jitter",
        6,
        4,
        lambda call: number(figures.jitter_ms(call), 1),
        lambda call: graded(figures.jitter_ms(call), 20, 50),
        right=True,
    ),
    Column(
        "rtt",
        5,
        4,
        lambda call: number(figures.round_trip_ms(call)),
        lambda call: graded(figures.round_trip_ms(call), 150, 300),
        right=True,
    ),
    Column(
        "answer",
        6,
        2,
        lambda call: number(figures.latency_ms(call)),
        lambda call: graded(figures.latency_ms(call), 1500, 3000),
        right=True,
    ),
    Column(
        "mos",
        4,
        7,
        lambda call: number(figures.mos(call), 1),
        lambda call: "bad" if (figures.mos(call) or 5) < 3 else "",
        right=True,
    ),
    Column("talks", 6, 7, figures.talk, lambda _: "dim"),
    Column("turns", 5, 8, lambda call: str(call.get("turns", 0)), right=True),
    Column(
        "engine",
        10,
        6,
        lambda call: call.get("engine") or "-",
        lambda call: "" if call.get("engine_up") or call["state"] != "active" else "bad",
    ),
    Column("worker", 6, 9, lambda call: str(call.get("worker", "")), lambda _: "dim", right=True),
)
_MOST_GROWN: Final = 28


def columns(width: int) -> list[Column]:
    """Those that fit; what is left is for those that grow."""
    chosen = [one for one in COLUMNS if one.need == 1]
    for need in range(2, 10):
        for one in (one for one in COLUMNS if one.need == need):
            if _cells([*chosen, one]) <= width:
                chosen.append(one)
    chosen.sort(key=COLUMNS.index)
    spare = max(0, width - _cells(chosen))
    growing = sum(one.grows for one in chosen)
    more = min(spare // growing, _MOST_GROWN - 12)
    return [replace(one, cells=one.cells + more) if one.grows else one for one in chosen]


def _cells(chosen: Sequence[Column]) -> int:
    return sum(one.cells for one in chosen) + len(chosen) - 1


def lines(state: State, width: int, rows: int | None, now_s: float) -> list[Line]:
    """The head and the calls around the chosen one. `rows`: of the whole; None: all calls."""
    calls = shown(state)
    chosen = columns(width)
    found = [_head(state, chosen, calls)]
    room = len(calls) if rows is None else max(0, rows - 1)
    at = place(state, calls)
    first = max(0, min(at - room // 2, len(calls) - room))
    later_s = _later(state, now_s)
    for at_line, call in enumerate(calls[first : first + room], first):
        line = _row({**call, "age_s": call["age_s"] + later_s}, chosen)
        line.chosen = rows is not None and at_line == at
        found.append(line)
    if not calls and state.snapshot is not None:
        found.append(Line("no calls" if not state.filter else "no call fits the filter", "dim"))
    return found


def _later(state: State, now_s: float) -> float:
    """Ages go on between two answers of the API, and stand still without it."""
    if state.snapshot is None or state.trouble is not None:
        return 0.0
    return max(0.0, now_s - state.snapshot.at_s)


def _head(state: State, chosen: Sequence[Column], calls: Sequence[Call]) -> Line:
    line = Line()
    sort = SORTS[state.sort].name
    for at, one in enumerate(chosen):
        mark = one.name in (sort, {"latency": "answer", "loss": "loss%", "oldest": "age"}.get(sort))
        line.add(" " * (at > 0))
        line.add(one.name, "key" if mark else "dim", cells=one.cells, right=one.right)
    return line


def _row(call: Call, chosen: Sequence[Column]) -> Line:
    line = Line()
    for at, one in enumerate(chosen):
        line.add(" " * (at > 0))
        line.add(one.text(call), one.style(call), cells=one.cells, right=one.right)
    return line
