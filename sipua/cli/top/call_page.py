"""One call: its facts and figures, its SIP ladder, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sipua.cli.top import figures, ladder, speech
from sipua.cli.top.figures import Call, age, graded, number, who
from sipua.cli.top.lines import Line, Style
from sipua.cli.top.model import TABS, Detail, State

HEAD_ROWS: Final = 2
_NAME: Final = 16
_SOUND: Final = (("packets", 9), ("lost", 7), ("loss", 9), ("jitter", 10), ("mos", 6))
_FACTS: Final = (
    *("origin", "route", "worker", "source", "by", "sip_call_id", "held", "muted", "metadata"),
)
_MOMENTS: Final = ("created_at", "answered_at", "ended_at")
_PLOTS: Final = (
    ("loss in", "loss_in", 0.1, "%"),
    ("loss out", "loss_out", 0.1, "%"),
    ("jitter in", "jitter_in_ms", 60.0, "ms"),
    ("round trip", "round_trip_ms", 400.0, "ms"),
)
_SIDES: Final[tuple[tuple[str, Style], ...]] = (("caller", "good"), ("agent", "key"))
_CELL_MS: Final = 500.0
_WIDEST_LADDER: Final = 100


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
            return list(_now(detail, width))
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


def _now(detail: Detail, width: int) -> Iterator[Line]:
    call = detail.call
    yield from _end(call)
    media = call.get("media") or {}
    if media:
        yield _fact("media", f"{media['codec']}  {media['remote']}  {media['direction']}")
    yield from _sound(figures.stats(call))
    trip = figures.round_trip_ms(call)
    yield _fact("round trip", f"{number(trip)} ms", graded(trip, 150, 300))
    yield _answer(call)
    engine = f"{call.get('engine') or '-'}{'' if call.get('engine_up') else '  (not connected)'}"
    yield _fact("engine", f"{engine}  {call.get('turns', 0)} turns")
    yield from _pictures(detail, width)
    yield Line()
    transfer = call.get("transfer")
    if transfer:
        said = f" {transfer.get('status') or ''} {transfer.get('reason') or ''}".rstrip()
        yield _fact("transfer", f"{transfer['target']}: {transfer['state']}{said}")
    for name in _FACTS:
        if call.get(name):
            yield _fact(name.replace("_", " "), _plain(call[name]))
    for name in _MOMENTS:
        if call.get(name):
            yield _fact(name.removesuffix("_at"), f"{_local(call[name]):%Y-%m-%d %H:%M:%S}")
    counters = figures.stats(call).get("counters")
    if isinstance(counters, Mapping):
        yield Line()
        yield from _nested(counters, "")


def _end(call: Call) -> Iterator[Line]:
    end = call.get("end")
    if end:
        by = f"{end.get('by')}: {end.get('reason')}"
        fault = f" (fault: {end['fault']})" if end.get("fault") else ""
        yield _fact("ended", f"{call.get('status')}, by {by}{fault}", "bad" if fault else "")
        if end.get("detail"):
            yield _fact("", end["detail"])


def _sound(stats: Mapping[str, Any]) -> Iterator[Line]:
    """Both directions, one below the other."""
    if not stats.get("received") and not stats.get("sent"):
        return
    head = Line().add("", cells=_NAME + 1)
    for title, cells in _SOUND:
        head.add(title, "dim", cells=cells, right=True)
    yield head
    for side in ("received", "sent"):
        found = stats.get(side)
        if not found:
            continue
        share = None if found.get("loss") is None else found["loss"] * 100
        texts: tuple[tuple[str, Style], ...] = (
            (str(found["packets"]), ""),
            (number(found.get("lost")), ""),
            (f"{number(share, 1)} %", graded(share, 1, 5)),
            (f"{number(found.get('jitter_ms'), 1)} ms", graded(found.get("jitter_ms"), 20, 50)),
            (number(found.get("mos"), 1), "bad" if (found.get("mos") or 5) < 3 else ""),
        )
        line = Line().add(side, "dim", cells=_NAME + 1)
        for (text, style), (_, cells) in zip(texts, _SOUND, strict=True):
            line.add(text, style, cells=cells, right=True)
        yield line


def _answer(call: Call) -> Line:
    wait = figures.latency_ms(call)
    line = _fact("last answer", f"{number(wait)} ms", graded(wait, 1500, 3000))
    latency = figures.stats(call).get("latency") or {}
    stages = [
        f"{name.removesuffix('_ms')} {ms}"
        for name, ms in latency.items()
        if name != "total_ms" and ms
    ]
    return line.add(f"  {' + '.join(stages)}" if stages else "", "dim")


def _pictures(detail: Detail, width: int) -> Iterator[Line]:
    history, cells = detail.history, max(0, min(width - _NAME - 16, 120))
    if not history or not cells:
        return
    points = history["points"][-cells:]
    if points:
        for name, field, most, unit in _PLOTS:
            values = [point.get(field) for point in points]
            worst = max((value for value in values if value is not None), default=None)
            if worst is None:
                continue
            shown = f"{worst * 100:.1f} %" if unit == "%" else f"{worst:.0f} {unit}"
            yield _fact(name, speech.bars(values, most), "key").add(f"  up to {shown}", "dim")
    zero_s = datetime.fromisoformat(history["zero"]).timestamp()
    ended = detail.call.get("ended_at")
    until_s = datetime.fromisoformat(ended).timestamp() if ended else detail.at_s
    for side, style in _SIDES:
        until_ms = (until_s - zero_s) * 1000
        text = speech.track(history["spans"], side, until_ms, cells, _CELL_MS)
        yield _fact(f"{side} spoke", text, style)


def _local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone()


def _fact(name: str, text: object, style: Style = "") -> Line:
    return Line().add(name, "dim", cells=_NAME).add(" ").add(text, style)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items())
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
    else:
        for text in ladder.ladder(detail.sip, min(width, _WIDEST_LADDER)):
            yield Line(text)


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
