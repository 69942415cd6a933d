"""The reader of call records: from the SQLite database, or, without one, from the files.

The database is read only when it has all that the files have: one that lags, or is broken, would
hide the last calls.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import msgspec

from sipua.outputs.cdr import days
from sipua.outputs.cdr.backlog import Backlog
from sipua.outputs.cdr.reader import numbers
from sipua.outputs.cdr.row import Row, decode
from sipua.outputs.cdr.settings import sqlite_file
from sipua.outputs.cdr.sqlite_store import SqliteStore, read_only


class NoRowsError(Exception):
    """They cannot be read; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty: all. Times are RFC 3339 in UTC, as in rows, so that they compare as texts."""

    since: str = ""
    until: str = ""
    """Calls that began before it."""
    from_: str = ""
    """As `numbers.fits` takes it, as the next one."""
    to: str = ""
    origin: str = ""
    route: str = ""
    status: str = ""
    reason: str = ""
    fault: str = ""
    id: str = ""

    def fits(self, row: Row) -> bool:
        return all(
            getattr(self, name) in ("", actual)
            for name, actual in (
                ("origin", row.origin),
                ("route", row.route),
                ("status", row.status),
                ("reason", row.end.reason.value),
                ("fault", row.end.fault or ""),
                ("id", row.id),
            )
        ) and (
            (not self.since or row.began >= self.since)
            and (not self.until or row.began < self.until)
            and any(numbers.fits(self.from_, text) for text in _callers(row))
            and numbers.fits(self.to, row.to or "")
        )


def _callers(row: Row) -> tuple[str, ...]:
    caller = row.caller
    return (row.from_ or "", *((caller.number, caller.received) if caller else ()))


_SQL: Final = {
    "since": "began >= ?",
    "until": "began < ?",
    "origin": "origin = ?",
    "route": "route = ?",
    "status": "status = ?",
    "reason": "reason = ?",
    "fault": "fault = ?",
    "id": "id = ?",
}


def read(directory: Path, wanted: Filter) -> Iterator[Row]:
    """The calls that ended last come first. Raises NoRowsError."""
    if not directory.is_dir():
        raise NoRowsError(
            f"there is no directory {directory}: no call has ended yet, or it is another one "
            "(-c FILE, or --directory)"
        )
    try:
        if _is_complete(directory):
            yield from _of_database(sqlite_file(directory), wanted)
        else:
            yield from _of_files(directory, wanted)
    except OSError as error:
        raise NoRowsError(f"{error.filename or directory}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise NoRowsError(
            f"{sqlite_file(directory)}: {error}; the rows are in the .jsonl files as well: remove "
            "the database, and the edge will make it anew"
        ) from None


def _is_complete(directory: Path) -> bool:
    if not sqlite_file(directory).is_file():
        return False
    backlog = Backlog(directory, SqliteStore.name)
    backlog.load()
    return not backlog.behind()


def _of_database(file: Path, wanted: Filter) -> Iterator[Row]:
    names = (one.name for one in fields(wanted) if one.name in _SQL)
    given = {name: getattr(wanted, name) for name in names if getattr(wanted, name)}
    where = " AND ".join(_SQL[name] for name in given) or "true"
    query = f"SELECT doc FROM cdr WHERE {where} ORDER BY ended DESC, id"  # noqa: S608 - of _SQL
    with read_only(file) as database:
        for (doc,) in database.execute(query, tuple(given.values())):
            row = decode(doc)
            if wanted.fits(row):  # numbers are written in more ways than SQL knows
                yield row


def _of_files(directory: Path, wanted: Filter) -> Iterator[Row]:
    seen: set[tuple[str, str]] = set()
    for path in reversed(days.files(directory)):
        rows = [row for row in map(_decoded, days.lines(path)) if row and wanted.fits(row)]
        for row in sorted(rows, key=lambda row: row.ended, reverse=True):
            if (row.id, row.began) not in seen:
                seen.add((row.id, row.began))
                yield row


def _decoded(line: bytes) -> Row | None:
    """None: a process was killed in the middle of it."""
    try:
        return decode(line)
    except msgspec.MsgspecError:
        return None


# --- as a table -------------------------------------------------------------------------------

_CELLS: Final[dict[str, Callable[[Row], Any]]] = {
    "id": lambda row: row.id,
    "node": lambda row: row.node,
    "direction": lambda row: row.direction,
    "from": lambda row: row.from_,
    "to": lambda row: row.to,
    "origin": lambda row: row.origin,
    "route": lambda row: row.route,
    "began": lambda row: row.began,
    "answered": lambda row: row.answered,
    "ended": lambda row: row.ended,
    "rang_ms": lambda row: row.rang_ms,
    "talk_ms": lambda row: row.talk_ms,
    "status": lambda row: row.status,
    "by": lambda row: row.end.by,
    "reason": lambda row: row.end.reason.value,
    "fault": lambda row: row.end.fault,
    "detail": lambda row: row.end.detail,
    "sip_status": lambda row: row.end.sip.status if row.end.sip else None,
    "sip_reason": lambda row: row.end.sip.reason if row.end.sip else None,
    "engine": lambda row: row.engine.name if row.engine else None,
    "codec": lambda row: row.media.codec if row.media else None,
    "lost": lambda row: row.media.lost if row.media else None,
    "jitter_ms": lambda row: row.media.jitter_ms if row.media else None,
    "first_audio_ms": lambda row: row.first_audio_ms,
    "interruptions": lambda row: row.interruptions,
    "latency_p50_ms": lambda row: _latency(row, "p50"),
    "latency_max_ms": lambda row: _latency(row, "max"),
    "cost": lambda row: row.cost,
    "currency": lambda row: row.currency,
    "sip_call_id": lambda row: row.sip_call_id,
}
HEAD: Final = tuple(_CELLS)


def cells(row: Row) -> list[str]:
    """One for each of `HEAD`."""
    return [_cell(get(row)) for get in _CELLS.values()]


def _cell(value: object) -> str:
    """A text from outside must not become a formula in a spreadsheet. A number may begin with a
    plus."""
    text = "" if value is None else str(value)
    if text[:1] in ("=", "@", "\t", "\r"):
        return f"'{text}"
    if text[:1] in ("+", "-") and not text[1:].replace(".", "").replace(" ", "").isdigit():
        return f"'{text}"
    return text


def _latency(row: Row, which: str) -> object:
    latency = (row.conversation or {}).get("latency_ms")
    return latency.get(which) if isinstance(latency, dict) else None
