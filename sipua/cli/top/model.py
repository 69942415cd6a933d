"""What `sipua top` shows, and what keys do to it. Pure: state and key in, state and order out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from sipua.cli.top import figures
from sipua.cli.top.figures import Call

Page: TypeAlias = Literal["calls", "call", "help"]
Tab: TypeAlias = Literal["now", "sip", "events"]
TABS: Final[tuple[Tab, ...]] = ("now", "sip", "events")
_LONGEST_FILTER: Final = 64


# --- what the API has told --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The edge at one moment."""

    at_s: float
    edge: Mapping[str, Any]
    calls: Sequence[Call]
    drain: Mapping[str, Any] = field(default_factory=dict)
    trunks: Sequence[Mapping[str, Any]] = ()
    registrations: Sequence[Mapping[str, Any]] = ()
    workers: Sequence[Mapping[str, Any]] = ()
    refusals: Sequence[Mapping[str, Any]] = ()
    more: bool = False
    """There are more calls than these."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One call at one moment."""

    at_s: float
    call: Call
    events: Sequence[Mapping[str, Any]] = ()
    sip: Sequence[Mapping[str, Any]] | str = ()
    """Its messages, the oldest first; a text: why there are none."""
    history: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The API does not answer, or refuses."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of an order."""

    text: str
    good: bool = True


News: TypeAlias = Snapshot | Detail | Trouble | Notice


# --- what is wanted of it ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HangUp:
    call_id: str


@dataclass(frozen=True, slots=True)
class Drain:
    on: bool


@dataclass(frozen=True, slots=True)
class Quit:
    pass


Order: TypeAlias = HangUp | Drain


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    order: Order


# --- the state --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    snapshot: Snapshot | None = None
    trouble: Trouble | None = None
    """Since when it lasts; None: all is well."""
    page: Page = "calls"
    before: Page = "calls"
    """The page that help was asked for on."""
    chosen: str = ""
    """The call under the cursor, by its id: lines move, the choice stays."""
    filter: str = ""
    typing: bool = False
    sort: int = 0
    question: Question | None = None
    notice: Notice | None = None
    looked_at: str = ""
    """The call of the page `call`."""
    detail: Detail | None = None
    tab: Tab = "now"
    scroll: int = 0


@dataclass(frozen=True, slots=True)
class Sort:
    name: str
    key: Callable[[Call], Any]
    down: bool = True


SORTS: Final = (
    Sort("age", lambda call: -call["age_s"]),
    Sort("oldest", lambda call: call["age_s"]),
    Sort("loss", figures.loss),
    Sort("jitter", figures.jitter_ms),
    Sort("rtt", figures.round_trip_ms),
    Sort("mos", lambda call: -found if (found := figures.mos(call)) else None),
    Sort("latency", figures.latency_ms),
    Sort("from", figures.caller, down=False),
    Sort("to", lambda call: figures.who(call.get("to")), down=False),
    Sort("trunk", lambda call: call.get("origin", ""), down=False),
    Sort("route", lambda call: call.get("route", ""), down=False),
    Sort("state", lambda call: call["state"], down=False),
)


def shown(state: State) -> list[Call]:
    """The calls of the list, in its order."""
    if state.snapshot is None:
        return []
    words = state.filter.casefold().split()
    calls = [call for call in state.snapshot.calls if _fits(call, words)]
    sort = SORTS[state.sort]
    known = [call for call in calls if sort.key(call) is not None]
    others = [call for call in calls if sort.key(call) is None]
    return [*sorted(known, key=sort.key, reverse=sort.down), *others]


def _fits(call: Call, words: Sequence[str]) -> bool:
    if not words:
        return True
    names = ("id", "direction", "from", "to", "origin", "route", "engine", "sip_call_id", "source")
    text = " ".join([figures.caller(call), *(str(call.get(name) or "") for name in names)])
    text = f"{text} {figures.state(call)} {figures.codec(call)}".casefold()
    return all(word in text for word in words)


def place(state: State, calls: Sequence[Call]) -> int:
    """Of the chosen call in the list; 0 when it is not there."""
    for at, call in enumerate(calls):
        if call["id"] == state.chosen:
            return at
    return 0


# --- news -------------------------------------------------------------------------------------


def arrived(state: State, news: News) -> State:
    match news:
        case Snapshot():
            return replace(state, snapshot=news, trouble=None)
        case Detail():
            wanted = news.call.get("id") == state.looked_at
            return replace(state, detail=news) if wanted else state
        case Trouble():
            begun = state.trouble.at_s if state.trouble else news.at_s
            return replace(state, trouble=Trouble(begun, news.text))
        case Notice():
            return replace(state, notice=news)


# --- keys -------------------------------------------------------------------------------------


def press(
    state: State, key: str, rows: int = 20, furthest: int = 0
) -> tuple[State, Order | Quit | None]:
    """`rows`: how far a page is. `furthest`: how far the page of a call can be scrolled."""
    if state.question is not None:
        return _answer(state, state.question, key)
    if state.typing:
        return _type(state, key), None
    state = replace(state, notice=None)
    if key == "q":
        return state, Quit()
    if state.page == "help":
        return replace(state, page=state.before), None
    if key == "?":
        return replace(state, page="help", before=state.page), None
    if key == "d":
        return _ask_drain(state), None
    if key == "x":
        return _ask_hang_up(state), None
    if state.page == "call":
        return _in_call(state, key, rows, furthest), None
    return _in_list(state, key, rows), None


def _answer(state: State, question: Question, key: str) -> tuple[State, Order | Quit | None]:
    """Only `y` is a yes: a key that was meant for something else must not end a call."""
    state = replace(state, question=None)
    if key in ("y", "Y"):
        return state, question.order
    return replace(state, notice=Notice("not done")), None


def _type(state: State, key: str) -> State:
    if key in ("enter", "up", "down"):
        return replace(state, typing=False)
    if key == "esc":
        return replace(state, typing=False, filter="")
    if key == "backspace":
        return replace(state, filter=state.filter[:-1])
    if key == "kill":
        return replace(state, filter="")
    if len(key) == 1 and len(state.filter) < _LONGEST_FILTER:
        return replace(state, filter=state.filter + key)
    return state


def _ask_drain(state: State) -> State:
    snapshot = state.snapshot
    if snapshot is None:
        return state
    if snapshot.edge.get("draining"):
        return replace(state, question=Question("Take calls again?", Drain(on=False)))
    up = snapshot.edge.get("calls", 0)
    text = f"Drain: take no more calls ({up} are up, and stay up)?"
    return replace(state, question=Question(text, Drain(on=True)))


def _ask_hang_up(state: State) -> State:
    if state.page == "call":
        call: Call | None = state.detail.call if state.detail else None
    else:
        calls = shown(state)
        call = calls[place(state, calls)] if calls else None
    if call is None or call["state"] == "ended":
        return state
    between = f"{figures.who(call.get('from'))} → {figures.who(call.get('to'))}"
    question = Question(f"Hang up {call['id']}, {between}?", HangUp(call["id"]))
    return replace(state, question=question, chosen=call["id"])


def _in_list(state: State, key: str, rows: int) -> State:
    match key:
        case "/":
            return replace(state, typing=True)
        case "s":
            return replace(state, sort=(state.sort + 1) % len(SORTS))
        case "S":
            return replace(state, sort=(state.sort - 1) % len(SORTS))
        case "esc":
            return replace(state, filter="")
    calls = shown(state)
    if not calls:
        return state
    at = place(state, calls)
    if key in ("enter", "right", "l"):
        chosen = str(calls[at]["id"])
        return replace(
            state, page="call", chosen=chosen, looked_at=chosen, detail=None, tab="now", scroll=0
        )
    moved = _moved(key, at, rows, len(calls))
    return state if moved is None else replace(state, chosen=str(calls[moved]["id"]))


def _in_call(state: State, key: str, rows: int, furthest: int) -> State:
    at = TABS.index(state.tab)
    match key:
        case "esc" | "backspace" | "h":
            return replace(state, page="calls", looked_at="", detail=None)
        case "tab" | "right" | "l":
            return replace(state, tab=TABS[(at + 1) % len(TABS)], scroll=0)
        case "back-tab" | "left":
            return replace(state, tab=TABS[at - 1], scroll=0)
        case "1" | "2" | "3":
            return replace(state, tab=TABS[int(key) - 1], scroll=0)
    moved = _moved(key, state.scroll, rows, furthest + 1)
    return state if moved is None else replace(state, scroll=moved)


def _moved(key: str, at: int, rows: int, count: int) -> int | None:
    """Where the cursor is then; None: the key does not move it."""
    steps = {"j": 1, "down": 1, "k": -1, "up": -1, "page-down": rows, "page-up": -rows, " ": rows}
    if key in ("g", "home"):
        return 0
    if key in ("G", "end"):
        return count - 1
    if key not in steps:
        return None
    return min(max(at + steps[key], 0), count - 1)
