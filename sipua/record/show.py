"""The texts of `sipua record`: a conversation, and a list of them, for a terminal."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sipua.bridge.events import LOCAL
from sipua.process.terminal_text import clean
from sipua.record.reading import Entry, Story

SLOW_MS = 1500
"""An answer that callers notice as late; after twice that, they ask whether the line is dead."""
_STAGES = ("endpointing", "model", "tools", "outage", "playout")
_RED, _YELLOW, _GREEN, _DIM, _BOLD, _RESET = (
    *("\x1b[31m", "\x1b[33m", "\x1b[32m"),
    *("\x1b[2m", "\x1b[1m", "\x1b[0m"),
)
_WIDTH = 100
_NEWS = {
    "first": ("in use", ""),
    "reconnected": ("back", _YELLOW),
    "fallback": ("FALLBACK to", _YELLOW),
    "rotated": ("new session", ""),
    "outage": ("OUTAGE of", _RED),
    "gone": ("GONE:", _RED),
    "silent": ("SILENT", _RED),
    "error": ("error", _YELLOW),
}


class Painter:
    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self._colour and code else text

    def latency(self, ms: int | None) -> str:
        if ms is None:
            return "-"
        colour = _RED if ms >= 2 * SLOW_MS else _YELLOW if ms >= SLOW_MS else ""
        return self(colour, f"{ms} ms")


def conversation(story: Story, *, colour: bool) -> str:
    paint = Painter(colour=colour)
    lines = [*_head(story, paint), ""]
    for entry in story.entries:
        lines += _lines(entry, paint)
    if story.end is None:
        lines += ["", paint(_YELLOW, "The record ends here: the call goes on, or was cut off.")]
    return "\n".join(lines) + "\n"


def overview(stories: Sequence[Story], *, colour: bool) -> str:
    """One line each; the slowest answer, because callers remember that one."""
    if not stories:
        return "no records\n"
    paint = Painter(colour=colour)
    head = (
        f"{'when':19}  {'call':12}  {'from':12}  {'talked':>7}  {'turns':>5}  {'slowest':>9}  "
        f"{'cost':>10}  what"
    )
    return "\n".join([paint(_DIM, head), *(_row(story, paint) for story in stories)]) + "\n"


# --- the head ---------------------------------------------------------------------------------


def _head(story: Story, paint: Painter) -> Iterator[str]:
    call, end, answered = story.call, story.end or {}, story.answered
    route = f"  route {clean(call['route'])}" if call.get("route") else ""
    yield (
        f"{paint(_BOLD, clean(story.call_id))}  {_clock(call.get('began'))}  "
        f"{clean(call.get('direction', ''))}  {clean(call.get('from') or '?')} → "
        f"{clean(call.get('to') or '?')}{route}"
    )
    rang = f"rang {_seconds(answered['rang_ms'])}" if answered else paint(_RED, "never answered")
    talked = f", talked {_seconds(story.last_ms)}" if answered else ""
    ended = ""
    if end:
        by, why, status = story.ending
        ended = f", ended by {clean(by)}: {clean(why or 'no reason given')} ({status})"
    yield f"  {rang}{talked}{ended}"
    if end:
        yield f"  {_summary(end, paint)}"
    if call.get("sip_call_id"):
        yield paint(_DIM, f"  SIP Call-ID {clean(call['sip_call_id'])}")


def _summary(end: Entry, paint: Painter) -> str:
    latency = end.get("latency_ms") or {}
    parts = [
        _count(end.get("turns", 0), "turn"),
        paint(_RED, f"{end['unanswered']} unanswered") if end.get("unanswered") else "",
        f"{end['interruptions']} interrupted" if end.get("interruptions") else "",
        paint(_RED, _count(end["outages"], "outage")) if end.get("outages") else "",
        f"first word {paint.latency(end['first_word_ms'])}"
        if end.get("first_word_ms") is not None
        else "",
    ]
    if latency.get("max") is not None:
        figures = (f"{name} {paint.latency(latency[name])}" for name in ("p50", "p95", "max"))
        parts.append(f"answers {', '.join(figures)}")
    parts.append(_cost(end))
    return "; ".join(filter(None, parts))


def _cost(end: Entry) -> str:
    if "cost" not in end:
        return ""
    if end["cost"] is None:
        return "cost not known"
    return f"cost {end['cost']:.4f} {clean(end.get('currency', ''))}"


# --- the lines --------------------------------------------------------------------------------


def _lines(entry: Entry, paint: Painter) -> Iterator[str]:
    kind = entry["kind"]
    at = _at(entry.get("start_ms", entry.get("at_ms", 0)))
    if kind in ("caller", "agent"):
        yield from _spoken(entry, at, paint)
    elif kind == "latency":
        yield _indented(_stages(entry, paint))
    elif kind == "turn":
        if entry.get("outcome") == "unanswered":
            why = f" ({clean(entry['failed'])})" if entry.get("failed") else ""
            waited = _seconds(entry.get("waited_ms", 0))
            yield _indented(paint(_RED, f"NO ANSWER, waited {waited}{why}"))
    elif kind in _OTHERS:
        who, about = _OTHERS[kind](entry, paint)
        yield f"{paint(_DIM, at)}  {who:7} {about}"


def _spoken(entry: Entry, at: str, paint: Painter) -> Iterator[str]:
    who = str(entry["kind"])
    length_ms = entry.get("end_ms", 0) - entry.get("start_ms", 0)
    text = entry.get("text")
    quoted = f"“{clean(text)}”" if text else paint(_DIM, f"({_seconds(length_ms)})")
    wrapped = textwrap.wrap(quoted, _WIDTH - 20) or [quoted]
    name = paint(_GREEN if who == "caller" else _BOLD, f"{who:7}")
    yield f"{paint(_DIM, at)}  {name} {wrapped[0]}"
    for line in wrapped[1:]:
        yield _indented(line)
    if entry.get("cut") == "caller":
        played, whole = entry.get("played_ms", 0), entry.get("of_ms", 0)
        note = f"interrupted after {_seconds(played)} of {_seconds(whole)}"
        yield _indented(paint(_YELLOW, note if played else "interrupted before it was heard"))
    elif entry.get("cut") == "end":
        yield _indented(paint(_DIM, f"the call ended after {_seconds(entry.get('played_ms', 0))}"))


def _stages(entry: Entry, paint: Painter) -> str:
    what = "first word" if entry.get("of") == "greeting" else "answer"
    parts = [f"{stage} {entry[f'{stage}_ms']}" for stage in _STAGES if entry.get(f"{stage}_ms")]
    return f"{what} {paint.latency(entry.get('total_ms'))}" + paint(
        _DIM, f"  {' + '.join(parts)}" if parts else ""
    )


def _tool(entry: Entry, paint: Painter) -> tuple[str, str]:
    good = entry.get("outcome") == "ok"
    took = "no result" if entry.get("ran_ms") is None else f"{entry['ran_ms']} ms"
    arguments = entry.get("arguments")
    details = f" {json.dumps(arguments, ensure_ascii=False)}" if arguments else ""
    outcome = paint("" if good else _RED, clean(entry.get("outcome", "?")))
    return "tool", f"{clean(entry.get('name', '?'))}{clean(details)}: {outcome}, {took}"


def _engine(entry: Entry, paint: Painter) -> tuple[str, str]:
    words, colour = _NEWS.get(str(entry.get("news")), (clean(entry.get("news")), ""))
    about = [clean(entry[name]) for name in ("engine", "code") if entry.get(name)]
    if entry.get("model"):
        about.append(f"({clean(entry['model'])})")
    if entry.get("gap_ms"):
        about.append(f"after {_seconds(entry['gap_ms'])} without")
    if entry.get("waited_ms"):
        about.append(f"for {_seconds(entry['waited_ms'])}, {clean(entry.get('action', ''))}")
    if entry.get("cause"):
        about.append(f"- {clean(entry['cause'])}")
    return "engine", paint(colour, " ".join([words, *about]))


def _text(entry: Entry, _paint: Painter) -> tuple[str, str]:
    return str(entry.get("who", "?"))[:7], f"“{clean(entry.get('text'))}”"


def _dtmf(entry: Entry, _paint: Painter) -> tuple[str, str]:
    return "key", f"{clean(entry.get('digit'))} ({entry.get('duration_ms')} ms)"


def _menu(entry: Entry, _paint: Painter) -> tuple[str, str]:
    menu, key = clean(entry.get("menu")), clean(entry.get("key") or entry.get("digit") or "")
    match entry.get("news"):
        case "entered":
            return "menu", menu
        case "key":
            return "menu", f"{menu}: key {key}" + ("" if entry.get("valid") else " leads nowhere")
    return "menu", f"{menu}: {clean(entry.get('by'))}, {clean(entry.get('to') or 'the end')}"


def _supervisor(entry: Entry, paint: Painter) -> tuple[str, str]:
    who, mode, cause = (clean(entry.get(name)) for name in ("who", "mode", "cause"))
    match entry.get("news"):
        case "hears":
            return "listens", paint(_YELLOW, f"{who}, {mode}, by {clean(entry.get('by'))}")
        case "mode":
            return "listens", paint(_YELLOW, f"{mode}, by {clean(entry.get('by'))}")
        case "left":
            return "listens", f"{who} no more: {cause}"
    return "listens", f"{who} was not reached: {cause}"


def _sound(entry: Entry, paint: Painter) -> tuple[str, str]:
    name = str(entry.get("item", "")).removeprefix(LOCAL).partition(":")[0]
    return "sound", paint(_DIM, f"{clean(name)} ({_seconds(entry.get('played_ms', 0))})")


def _rate_limit(entry: Entry, paint: Painter) -> tuple[str, str]:
    left = f"{entry.get('remaining')} of {entry.get('limit')} {clean(entry.get('name'))} left"
    return "limit", paint(_YELLOW, left)


def _network(entry: Entry, paint: Painter) -> tuple[str, str]:
    lost = f"{entry.get('caller_lost', 0):.0%} of our packets never reach the caller"
    return "network", paint(_YELLOW, lost)


_OTHERS = {
    "tool": _tool,
    "engine": _engine,
    "text": _text,
    "dtmf": _dtmf,
    "menu": _menu,
    "supervisor": _supervisor,
    "sound": _sound,
    "rate_limit": _rate_limit,
    "network": _network,
}


# --- the list ---------------------------------------------------------------------------------


def _row(story: Story, paint: Painter) -> str:
    call, end = story.call, story.end or {}
    slowest = (end.get("latency_ms") or {}).get("max")
    cost = end.get("cost")
    cells = (
        f"{_clock(call.get('began')):19}",
        f"{clean(story.call_id):12}",
        f"{clean(call.get('from') or '-'):12.12}",
        f"{_seconds(story.last_ms) if story.answered else '-':>7}",
        f"{end.get('turns', '-'):>5}",
        " " * max(0, 9 - len("-" if slowest is None else f"{slowest} ms")) + paint.latency(slowest),
        f"{'-' if cost is None else f'{cost:.4f}':>10}",
    )
    return "  ".join([*cells, _verdict(story, end, paint)])


def _verdict(story: Story, end: Mapping[str, Any], paint: Painter) -> str:
    if not end:
        return paint(_YELLOW, "no end")
    bad = [f"{end['unanswered']} unanswered"] if end.get("unanswered") else []
    bad += [_count(end["outages"], "outage")] if end.get("outages") else []
    bad += [_count(end["tool_errors"], "tool") + " failed"] if end.get("tool_errors") else []
    if not story.answered:
        bad.insert(0, "never answered")
    return paint(_RED, ", ".join(bad)) if bad else clean(story.ending[1])


# --- words ------------------------------------------------------------------------------------


def _indented(text: str) -> str:
    return " " * 19 + text


def _at(ms: int) -> str:
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    minutes, rest = divmod(ms, 60_000)
    return f"{sign + str(minutes):>2}:{rest // 1000:02}.{rest % 1000:03}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"


def _clock(text: object) -> str:
    """The wall clock of the reader."""
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return "?"
