"""The texts of `sipua cdr`: a list of calls, and one of them, for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from sipua.outputs.cdr.reader.findings import findings, times
from sipua.outputs.cdr.row import Row
from sipua.process.terminal_text import clean
from sipua.record.show import Painter

_RED, _DIM, _BOLD = "\x1b[31m", "\x1b[2m", "\x1b[1m"
_WIDTH = 100


def overview(rows: Sequence[Row], *, colour: bool) -> str:
    if not rows:
        return "no calls\n"
    paint = Painter(colour=colour)
    head = (
        f"{'began':19}  {'call':10}  {'from':>16}    {'to':16}  {'route':10}  {'talked':>8}  "
        f"{'status':10}  end, and what was wrong"
    )
    return "\n".join([paint(_DIM, head), *(_line(row, paint) for row in rows)]) + "\n"


def call(row: Row, *, colour: bool) -> str:
    paint = Painter(colour=colour)
    facts = [(name, text) for name, text in _facts(row, paint) if text]
    return (
        f"{paint(_BOLD, clean(row.id))}  {row.direction}  {who(row.from_)} → {who(row.to)}\n"
        + "".join(f"{line}\n" for line in _wrong(row, paint))
        + "\n"
        + "\n".join(f"  {paint(_DIM, f'{name:12}')}  {text}" for name, text in facts)
        + "\n"
    )


def who(uri: str | None) -> str:
    """The number of a URI, as far as it was kept."""
    if uri is None:
        return "?"
    found = re.search(r"(?:sips?|tel):([^@;>\s]{1,512})", uri)
    return clean(found[1] if found else uri)


def _line(row: Row, paint: Painter) -> str:
    cells = (
        _clock(row.began),
        f"{clean(row.id):10.10}",
        f"{who(row.from_):>16.16}",
        "→" if row.direction == "incoming" else "⇒",
        f"{who(row.to):16.16}",
        f"{clean(row.route) or '-':10.10}",
        f"{_seconds(row.talk_ms) if row.answered else '-':>8}",
        paint("" if row.status == "completed" else _RED, f"{row.status:10}"),
        _end(row, paint) + _in_short(row, paint),
    )
    begin = "  ".join(cells[:3])
    return f"{begin} {cells[3]} {'  '.join(cells[4:])}"


def _end(row: Row, paint: Painter) -> str:
    fault = f" ({row.end.fault})" if row.end.fault else ""
    return paint(_RED if fault else "", f"{row.end.by}: {row.end.reason.value}{fault}")


def _in_short(row: Row, paint: Painter) -> str:
    """What its end does not say already."""
    found = [one.short for one in findings(row) if one.name != row.end.reason.value]
    return paint(_RED, f"  ! {', '.join(map(clean, found))}") if found else ""


def _wrong(row: Row, paint: Painter) -> Iterator[str]:
    found = findings(row)
    if not found:
        yield "  nothing is known to have been wrong: its record and its log may say more"
    for one in found:
        yield from textwrap.wrap(
            paint(_RED, f"! {clean(one.words)}"),
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )
        if one.look:
            yield paint(_DIM, f"    look at: {clean(one.look.replace('ID', row.id))}")


def _facts(row: Row, paint: Painter) -> Iterator[tuple[str, str]]:
    sip = f", SIP {row.end.sip.status} {clean(row.end.sip.reason)}" if row.end.sip else ""
    detail = f": {clean(row.end.detail)}" if row.end.detail else ""
    yield "status", paint("" if row.status == "completed" else _RED, row.status)
    yield "end", f"{_end(row, paint)}{detail}{sip}"
    yield "began", _clock(row.began)
    yield "answered", f"{_clock(row.answered)}, rang {_seconds(row.rang_ms)}" * bool(row.answered)
    yield "ended", f"{_clock(row.ended)}" + f", talked {_seconds(row.talk_ms)}" * bool(row.answered)
    yield "by way of", clean(f"{row.origin} {row.source}".strip())
    yield "route", clean(row.route)
    yield "hold", f"{times(row.hold.count)}, {_seconds(row.hold.ms)}" if row.hold else ""
    for step in row.menus:
        key = f" {clean(step.key)}" if step.key else ""
        yield "menu", f"{clean(step.menu)}: {clean(step.by)}{key}, {clean(step.to) or 'the end'}"
    for queue in row.queues:
        by = f" by {clean(queue.member)}" if queue.member else ""
        waited = _seconds(queue.waited_ms)
        yield "queue", f"{clean(queue.name)}: {clean(queue.reason)}{by} after {waited}"
    for transfer in row.transfers:
        told = f" ({transfer.status} {clean(transfer.reason)})" if transfer.status else ""
        yield "transfer", f"{clean(transfer.target)}: {transfer.outcome}{told}"
    yield "media", _media(row)
    yield "engine", _engine(row)
    yield "answers", _answers(row, paint)
    yield "cost", "" if row.cost is None else f"{row.cost:.4f} {clean(row.currency)}"
    yield "node", clean(row.node) + (f", worker {row.worker}" if row.worker is not None else "")
    yield "SIP Call-ID", clean(row.sip_call_id)
    yield "record", f"sipua record show {clean(row.id)}" if row.record else ""
    yield "capture", clean(row.capture)
    yield "recording", clean(", ".join(row.recordings))


def _media(row: Row) -> str:
    if row.media is None:
        return ""
    media = row.media
    parts = [
        " ".join(filter(None, (clean(media.codec), clean(media.remote)))),
        f"{_many(media.received, 'packet')} received",
        f"{media.lost} lost",
        f"{media.refused} not believed" if media.refused else "",
        "" if media.jitter_ms is None else f"jitter {media.jitter_ms:.1f} ms",
        f"{media.sent} sent",
        "" if media.remote_lost is None else f"{media.remote_lost} of ours lost",
        "" if media.round_trip_ms is None else f"round trip {media.round_trip_ms:.0f} ms",
    ]
    return ", ".join(filter(None, parts))


def _engine(row: Row) -> str:
    if row.engine is None:
        return ""
    engine = row.engine
    names = " → ".join(map(clean, engine.used or [engine.name or "?"]))
    models = f" ({', '.join(map(clean, engine.models))})" if engine.models else ""
    outages = (
        f", {_many(engine.outages, 'outage')}, {_seconds(engine.outage_ms)}"
        if engine.outages
        else ""
    )
    return f"{names}{models}, {_many(engine.sessions, 'session')}{outages}"


def _answers(row: Row, paint: Painter) -> str:
    said = row.conversation or {}
    latency = said.get("latency_ms") or {}
    parts = [_many(said["turns"], "turn")] if "turns" in said else []
    if said.get("unanswered"):
        parts.append(paint(_RED, f"{said['unanswered']} unanswered"))
    if row.interruptions:
        parts.append(f"{row.interruptions} interrupted")
    if latency.get("max") is not None:
        parts += [f"{name} {paint.latency(latency.get(name))}" for name in ("p50", "p95", "max")]
    return ", ".join(parts)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"


def _clock(text: str | None) -> str:
    """The wall clock of the reader."""
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return "?"
