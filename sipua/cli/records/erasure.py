"""What is kept of a caller, found and deleted: records, recordings, captures, numbers in CDR rows.

A call is the caller's when the other side's number is theirs. Where only the last digits were kept,
that cannot be known; such calls are found only when it is asked for. Rows keep their lengths,
because readers of the CDR files know their places by bytes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sipua.outputs.cdr import days as cdr_days
from sipua.outputs.cdr.row import Row, decode
from sipua.record import reading, retention
from sipua.recording.files import keeper
from sipua.recording.files import metadata as recording_metadata
from sipua.recording.files.finishing import PART

_USER: Final = re.compile(r"(?:sips?|tel):([^@;>\s]{1,512})")
_SEPARATORS: Final = re.compile(r"[\s()./-]")
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders; None: nothing is kept there."""

    records: Path | None
    recordings: Path | None
    captures: Path | None
    rows: Path | None
    sqlite: Path | None = None


@dataclass(slots=True)
class Found:
    calls: set[str] = field(default_factory=set)
    records: list[Path] = field(default_factory=list)
    recordings: list[Path] = field(default_factory=list)
    captures: list[Path] = field(default_factory=list)
    rows: list[tuple[Path, int, bytes]] = field(default_factory=list)
    """File, place, and the line."""
    running: set[str] = field(default_factory=set)
    """Calls that are being recorded: nothing of them is deleted."""

    def counts(self) -> dict[str, int]:
        kinds = ("calls", "records", "recordings", "captures", "rows")
        return {kind: len(getattr(self, kind)) for kind in kinds}


def find(places: Places, number: str, *, last_digits: bool = False) -> Found:
    """Raises OSError."""
    found = Found()

    def theirs(direction: str, from_: str | None, to: str | None) -> bool:
        kept = to if direction == "outgoing" else from_
        return same_number(number, kept or "", last_digits=last_digits)

    rows = list(_rows(places.rows))
    found.calls |= {row.id for _, _, _, row in rows if theirs(row.direction, row.from_, row.to)}
    records = list(_records(places.records))
    for path, first in records:
        parties = (_text(first.get(name)) for name in ("direction", "from", "to"))
        if theirs(*parties):
            found.calls.add(path.stem)
    sounds = list(_sounds(places.recordings))
    for call_id, files in sounds:
        about = next((recording_metadata.read(one) for one in files if one.suffix == ".json"), None)
        if about is not None and theirs(about.direction, about.from_, about.to):
            found.calls.add(call_id)
    found.running = {
        call_id for call_id, files in sounds if any(one.name.endswith(PART) for one in files)
    } & found.calls
    found.calls -= found.running
    found.rows = [(path, at, line) for path, at, line, row in rows if row.id in found.calls]
    found.records = [path for path, _ in records if path.stem in found.calls]
    found.recordings = [one for call_id, files in sounds if call_id in found.calls for one in files]
    if places.captures is not None:
        captures = ((one, places.captures / f"{one}.pcap") for one in sorted(found.calls))
        found.captures = [path for _, path in captures if path.exists()]
    return found


def erase(found: Found, places: Places) -> None:
    """Raises OSError, sqlite3.Error."""
    for path in (*found.recordings, *found.captures, *found.records):
        path.unlink(missing_ok=True)
    for path, at, line in found.rows:
        with path.open("r+b") as file:
            file.seek(at)
            if file.read(len(line)) == line:  # else it is another file by now
                file.seek(at)
                file.write(without_numbers(line))
    if places.sqlite is not None and places.sqlite.exists():
        _erase_in_sqlite(places.sqlite, found.calls)


def same_number(wanted: str, kept: str, *, last_digits: bool) -> bool:
    """`kept`: a number, a URI, or what `record.numbers` has left of it."""
    if kept.startswith(_CUT):
        return last_digits and bool(kept[1:]) and _plain(wanted).endswith(kept[1:])
    return bool(kept) and _plain(wanted) == _plain(kept)


def without_numbers(line: bytes) -> bytes:
    """The row with stars in place of both numbers, and of the same length."""
    row = msgspec.json.decode(line)
    for name in ("from", "to"):
        if isinstance(row.get(name), str):
            there = msgspec.json.encode(name) + b":" + msgspec.json.encode(row[name])
            stars = b"*" * (len(there) - len(name) - 5)
            line = line.replace(there, msgspec.json.encode(name) + b':"' + stars + b'"', 1)
    return line


def _plain(text: str) -> str:
    found = _USER.search(text)
    plain = _SEPARATORS.sub("", found[1] if found else text.strip())
    if re.fullmatch(r"(\+|00)[0-9]+", plain):
        return plain.removeprefix("+").removeprefix("00")
    return plain.lower()


def _rows(folder: Path | None) -> Iterator[tuple[Path, int, bytes, Row]]:
    for path in cdr_days.files(folder) if folder is not None else ():
        at = 0
        for line in cdr_days.lines(path):
            with suppress(msgspec.MsgspecError):
                yield path, at, line.rstrip(b"\n"), decode(line)
            at += len(line)


def _records(folder: Path | None) -> Iterator[tuple[Path, reading.Entry]]:
    for path in retention.files(folder) if folder is not None else ():
        with suppress(reading.NoRecordError):
            yield path, reading.read(path).call


def _sounds(folder: Path | None) -> Iterator[tuple[str, list[Path]]]:
    for day in retention.days(folder) if folder is not None else ():
        for name, files in keeper.of_day(day).items():
            yield name.partition(".")[0], files


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _erase_in_sqlite(path: Path, calls: set[str]) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as database, database:
        for call_id in calls:
            rows = database.execute("SELECT rowid, doc FROM cdr WHERE id = ?", (call_id,))
            for row_id, doc in rows.fetchall():
                database.execute(
                    "UPDATE cdr SET from_ = NULL, to_ = NULL, doc = ? WHERE rowid = ?",
                    (without_numbers(doc.encode()).decode(), row_id),
                )
