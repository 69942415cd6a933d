"""One call: its facts and figures, its SIP ladder, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sipua.cli.top import figures
from sipua.cli.top.figures import Call, age, graded, number, who
from sipua.cli.top.lines import Line, Style
from sipua.cli.top.model import TABS, Detail, State

HEAD_ROWS: Final = 2
_NAME: Final = 16
_SHOWN_ABOVE: Final = frozenset(
    {"id", "direction", "state", "from", "to", "stats", "end", "media", "quality", "transfer"}
)


def lines(state: State, width: int, rows: int) -> list[Line]:
    found = body(state, width)
    room = max(0, rows - HEAD_ROWS)
    first = max(0, min(state.scroll, len(found) - room))
    return [*_head(state), *found[first : first + room]]


def body(state: State, width: int) -> list[Line]:
    detail = state.detail
    if detail is None:
        return [Line("asking the edge …", "dim")]
    match state.tab:
        case "now":
            return list(_now(detail.call))
        case "sip":
            return list(_sip(detail, width))
        case "events":
            return [_event(event) for event in detail.events] or [Line("no events", "dim")]


def _head(state: State) -> list[Line]:
    first = Line(state.looked_at, "head")
    if state.detail is not None:
        call = state.detail.call
        first.add(f"  {call['direction']}  {who(call.get('from'))} → {who(call.get('to'))}  ")
        first.add(figures.state(call), figures.state_style(call))
        first.add(f"  {age(call['age_s'])}")
    second = Line()
    for at, tab in enumerate(TABS, 1):
        second.add(f" {at} {tab} ", "chosen" if tab == state.tab else "dim").add(" ")
    return [first, second]


# --- now --------------------------------------------------------------------------------------


def _now(call: Call) -> Iterator[Line]:
    end = call.get("end")
    if end:
        by = f"{end.get('by')}: {end.get('reason')}"
        fault = f" (fault: {end['fault']})" if end.get("fault") else ""
        yield _fact("ended", f"{call.get('status')}, by {by}{fault}", "bad" if fault else "")
        if end.get("detail"):
            yield _fact("", end["detail"])
    media = call.get("media") or {}
    if media:
        words = f"{media.get('codec')}  {media.get('remote')}  {media.get('direction')}"
        yield _fact("media", words)
    loss, jitter = figures.loss(call), figures.jitter_ms(call)
    trip, wait = figures.round_trip_ms(call), figures.latency_ms(call)
    yield _fact("loss", f"{number(loss, 1)} %", graded(loss, 1, 5))
    yield _fact("jitter", f"{number(jitter, 1)} ms", graded(jitter, 20, 50))
    yield _fact("round trip", f"{number(trip)} ms", graded(trip, 150, 300))
    yield _fact("last answer", f"{number(wait)} ms", graded(wait, 1500, 3000))
    transfer = call.get("transfer")
    if transfer:
        said = f" {transfer.get('status') or ''} {transfer.get('reason') or ''}".rstrip()
        yield _fact("transfer", f"{transfer['target']}: {transfer['state']}{said}")
    for name, value in call.items():
        if name not in _SHOWN_ABOVE and value not in (None, "", [], {}):
            yield _fact(name.replace("_", " "), _plain(value))
    stats = call.get("stats")
    if isinstance(stats, Mapping):
        yield Line()
        yield from _nested(stats, "")


def _fact(name: str, text: object, style: Style = "") -> Line:
    return Line().add(name, "dim", cells=_NAME).add(" ").add(text, style)


def _plain(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _nested(found: Mapping[str, Any], indent: str) -> Iterator[Line]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield Line(f"{indent}{name}", "dim")
            yield from _nested(value, indent + "  ")
        elif value is not None:
            yield Line().add(indent).add(name, "dim", cells=_NAME + 6).add(" ").add(_plain(value))


# --- the ladder -------------------------------------------------------------------------------


def _sip(detail: Detail, width: int) -> Iterator[Line]:
    if isinstance(detail.sip, str):
        yield Line(detail.sip, "dim")
        return
    if not detail.sip:
        yield Line("no messages", "dim")
    for message in detail.sip:
        yield from _message(message, width)


def _message(message: Mapping[str, Any], _width: int) -> Iterator[Line]:
    yield Line(str(message))


# --- events -----------------------------------------------------------------------------------


def _event(event: Mapping[str, Any]) -> Line:
    at = datetime.fromisoformat(event["time"]).astimezone()
    data: Mapping[str, Any] = event.get("data") or {}
    line = Line(f"{at:%H:%M:%S}.{at.microsecond // 1000:03}  ", "dim")
    line.add(event["type"], _event_style(event["type"]), cells=20).add(" ")
    words = (f"{name}={_short(value)}" for name, value in data.items() if value is not None)
    return line.add(" ".join(words))


def _event_style(kind: str) -> Style:
    bad = ("engine.outage", "engine.gone", "engine.silent", "turn.unanswered", "call.quality")
    return "warn" if kind in bad or kind.endswith(("failed", "refused")) else ""


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + " ".join(f"{name}:{_short(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{len(value)}]" if len(value) > 4 else ",".join(map(_short, value))
    return str(value)
