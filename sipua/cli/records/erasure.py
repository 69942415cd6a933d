"""What is kept of a caller in files, found and deleted: records, recordings, captures, and numbers
in the rows of call records.

Rows keep their lengths, because readers of the CDR files know their places by bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sipua.cli.records import databases
from sipua.cli.records.databases import Call, of_row
from sipua.cli.records.whose import Wanted, without_numbers
from sipua.outputs.cdr import days as cdr_days
from sipua.outputs.cdr.row import Row, decode
from sipua.record import reading, retention
from sipua.recording.files import keeper, waiting
from sipua.recording.files import metadata as recording_metadata
from sipua.recording.files.settings import PART
from sipua.twilio.recordings import store


@dataclass(frozen=True, slots=True)
class Places:
    """Folders; None: nothing is kept there."""

    records: Path | None
    recordings: Path | None
    captures: Path | None
    rows: Path | None
    sqlite: Path | None = None
    messages: Path | None = None
    """Of what documents have recorded."""


@dataclass(slots=True)
class Found:
    calls: set[str] = field(default_factory=set)
    days: set[Call] = field(default_factory=set)
    """Of these calls: each with the days under which there may be something of it."""
    records: list[Path] = field(default_factory=list)
    recordings: list[Path] = field(default_factory=list)
    captures: list[Path] = field(default_factory=list)
    rows: list[tuple[Path, int, bytes]] = field(default_factory=list)
    """File, place, and the line."""
    running: set[str] = field(default_factory=set)
    """Calls that are being recorded, or sent to S3: nothing of them is deleted."""
    sent_to: set[str] = field(default_factory=set)
    """Where copies of their recordings are."""
    marks: list[Path] = field(default_factory=list)
    """That a recording waits to be sent."""

    def counts(self) -> dict[str, int]:
        kinds = ("calls", "records", "recordings", "captures", "rows")
        return {kind: len(getattr(self, kind)) for kind in kinds}


def find(places: Places, wanted: Wanted, held: ExitStack, *, also: Iterable[Call] = ()) -> Found:
    """`also`: calls that are the caller's by what others know. What waits to be sent stays here as
    long as `held` is open. Raises OSError, sqlite3.Error."""
    days = set(also)
    if places.sqlite is not None:
        days |= set(databases.find_in_sqlite(places.sqlite, wanted))
    rows = list(_rows(places.rows))
    days |= {of_row(row) for _, _, _, row in rows if wanted.is_of_row(row)}
    records = list(_records(places.records))
    for path, first in records:
        direction, *parties = (_text(first.get(name)) for name in ("direction", "from", "to"))
        if wanted.is_of(direction, *parties):
            days.add(Call(path.stem, path.parent.name))
    sounds = list(_sounds(places.recordings))
    for call, files in sounds:
        about = _metadata(files)
        if about is not None and _is_of(wanted, about):
            days.add(call)
    messages = list(_messages(places.messages))
    days |= {call for call, one in messages if _is_of(wanted, one.about)}
    found = Found(calls={call.id for call in days})
    found.running = _recorded_now(sounds) & found.calls
    if places.recordings is not None:
        _hold_marks(places.recordings, found, held)
    found.calls -= found.running
    found.days = {call for call in days if call.id in found.calls}
    found.rows = [(path, at, line) for path, at, line, row in rows if row.id in found.calls]
    found.records = [path for path, _ in records if path.stem in found.calls]
    theirs = [files for call, files in sounds if call.id in found.calls]
    found.recordings = [one for files in theirs for one in files]
    found.recordings += [
        file for call, one in messages if call.id in found.calls for file in one.files
    ]
    for about in map(_metadata, theirs):
        if about is not None and about.upload is not None:
            found.sent_to.add(about.upload.to)
    if places.captures is not None:
        captures = (places.captures / f"{one}.pcap" for one in sorted(found.calls))
        found.captures = [path for path in captures if path.exists()]
    return found


def erase(found: Found, places: Places) -> None:
    """Raises OSError, sqlite3.Error."""
    for path in (*found.recordings, *found.marks, *found.captures, *found.records):
        path.unlink(missing_ok=True)
    for path, at, line in found.rows:
        with path.open("r+b") as file:
            file.seek(at)
            if file.read(len(line)) == line:  # else it is another file by now
                file.seek(at)
                file.write(without_numbers(line))
    if places.sqlite is not None and places.sqlite.exists():
        databases.erase_in_sqlite(places.sqlite, found.calls)


def _recorded_now(sounds: Iterable[tuple[Call, list[Path]]]) -> set[str]:
    return {call.id for call, files in sounds if any(one.name.endswith(PART) for one in files)}


def _hold_marks(directory: Path, found: Found, held: ExitStack) -> None:
    """So that none of them is sent from now on; one that is on its way is left alone."""
    for one in waiting.every(directory):
        if one.call_id in found.calls - found.running:
            if held.enter_context(one.held()):
                found.marks.append(one.mark)
            elif one.mark.exists():
                found.running.add(one.call_id)


def _metadata(files: Iterable[Path]) -> recording_metadata.Metadata | None:
    return next((recording_metadata.read(one) for one in files if one.suffix == ".json"), None)


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


def _sounds(folder: Path | None) -> Iterator[tuple[Call, list[Path]]]:
    for day in retention.days(folder) if folder is not None else ():
        for name, files in keeper.of_day(day).items():
            yield Call(name.partition(".")[0], day.name), files


def _messages(folder: Path | None) -> Iterator[tuple[Call, store.Found]]:
    for one in store.every(folder) if folder is not None else ():
        yield Call(one.about.call_id, one.path.parent.name), one


def _is_of(wanted: Wanted, about: recording_metadata.Metadata | store.About) -> bool:
    return wanted.is_of(about.direction, about.from_, about.to)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
