"""The whole screen: header, list or call or help, and the line at the bottom."""

from __future__ import annotations

from typing import Final

from sipua.cli.top import call_list, call_page, header
from sipua.cli.top.lines import Line
from sipua.cli.top.model import SORTS, State, shown

SMALLEST: Final = (30, 6)
"""Columns and rows."""
_HELP: Final = (
    ("j k  ↓ ↑", "next and previous call; page up and down, g, G"),
    ("Enter", "one call: figures, SIP ladder, events (Tab, 1 2 3); Esc goes back"),
    ("/", "filter: words of numbers, id, trunk, route, engine, state, codec"),
    ("s S", "sort by the next, the previous column"),
    ("x", "hang up the call under the cursor; asks first"),
    ("d", "drain: take no more calls, or take them again; asks first"),
    ("?", "this help"),
    ("q", "quit"),
    ("", ""),
    ("loss%", "packets lost in the last seconds, of the worse direction"),
    ("jitter", "of what comes in, ms"),
    ("rtt", "round trip to the other side by RTCP, ms"),
    ("mos", "sound as people would judge it, 1 to 4.4: an estimate"),
    ("talks", "who is to be heard"),
    ("answer", "how long the caller waited for the last answer, ms"),
    ("dir", "in: they call us; out: we call"),
    ("mute", "A: the agent is not heard; C: the caller"),
)


def body_rows(rows: int) -> int:
    return max(0, rows - header.ROWS - 1)


def furthest(state: State, columns: int, rows: int) -> int:
    """How far the page of a call can be scrolled."""
    if state.page != "call":
        return 0
    return max(0, len(call_page.body(state, columns)) - body_rows(rows) + call_page.HEAD_ROWS)


def screen(state: State, columns: int, rows: int, now_s: float) -> list[Line]:
    """As many lines as there are rows."""
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        few = [Line("too small")] + [Line()] * rows
        return few[:rows]
    room = body_rows(rows)
    match state.page:
        case "calls":
            body = call_list.lines(state, columns, room, now_s)
        case "call":
            body = call_page.lines(state, columns, room)
        case "help":
            body = [Line().add(key, "key", cells=10).add(text) for key, text in _HELP]
    body = [*body[:room], *([Line()] * (room - len(body)))]
    return [*header.lines(state, now_s), *body, _bottom(state)]


def once(state: State, columns: int, now_s: float) -> list[Line]:
    """All calls, without the line of keys."""
    return [*header.lines(state, now_s), *call_list.lines(state, columns, None, now_s)]


def _bottom(state: State) -> Line:
    if state.question is not None:
        return Line(state.question.text, "warn").add(" y/n ", "key")
    if state.typing:
        return Line("/", "key").add(state.filter).add("█", "dim")
    if state.notice is not None:
        return Line(state.notice.text, "good" if state.notice.good else "bad")
    if state.page == "call":
        return Line("Esc back  Tab next page  x hang up  d drain  ? help  q quit", "dim")
    line = Line("Enter call  / filter  s sort  x hang up  d drain  ? help  q quit", "dim")
    line.add(f"  by {SORTS[state.sort].name}", "dim")
    if state.filter:
        count = len(shown(state))
        line = Line(f"/{state.filter}", "key").add(f"  {count} fit  (Esc: all)  ", "dim")
        line.add(f"by {SORTS[state.sort].name}", "dim")
    if state.snapshot is not None and state.snapshot.more:
        line.add("  not all calls are shown", "warn")
    return line
