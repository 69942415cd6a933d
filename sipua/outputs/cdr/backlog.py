"""How far a reader of the files of rows has come: the files are its queue.

The position is a file of its own, one for each reader: bytes read, by day. It is written behind the
rows: a reader that is killed in between gets them twice, and none is missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sipua.outputs.cdr import days
from sipua.outputs.cdr.row import Row, decode
from sipua.process.disk import age_and_size, make_private

_BATCH_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Batch:
    day: str
    rows: list[Row]
    unreadable: int
    """Lines that are no rows."""
    until: int
    """The position behind it."""


class Backlog:
    def __init__(self, directory: Path, reader: str) -> None:
        self._directory = directory
        self._file = directory / f".{reader}.position"
        self._read: dict[str, int] = {}

    def load(self) -> None:
        """A position that is not there or cannot be read: from the beginning."""
        try:
            found = json.loads(self._file.read_bytes())
            self._read = {str(day): int(until) for day, until in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self._read = {}

    def from_the_beginning(self) -> None:
        self._read = {}

    def batches(self) -> Iterator[Batch]:
        """What is not read yet, oldest first; each is `done` before the next. Raises OSError."""
        for path in days.files(self._directory):
            while (batch := self._next(path)) is not None:
                yield batch

    def done(self, batch: Batch) -> None:
        """Raises OSError."""
        self._read[batch.day] = batch.until
        there = {path.stem for path in days.files(self._directory)}
        self._read = {day: until for day, until in self._read.items() if day in there}
        new = self._file.with_suffix(".new")
        make_private(new)
        new.write_text(json.dumps(self._read))
        new.replace(self._file)

    def behind(self) -> int:
        """How many bytes there are to read. Raises OSError."""
        files = days.files(self._directory)
        return sum(age_and_size(path)[1] - self._start(path) for path in files)

    def unread(self, path: Path) -> int:
        """Rows of this file that are not read. Raises OSError."""
        return sum(1 for _ in days.lines(path, self._start(path)))

    def _start(self, path: Path) -> int:
        start = self._read.get(path.stem, 0)
        return start if start <= age_and_size(path)[1] else 0  # it is another file of that name

    def _next(self, path: Path) -> Batch | None:
        start = self._start(path)
        rows, unreadable, until = list[Row](), 0, start
        for line in days.lines(path, start, _BATCH_BYTES):
            until += len(line)
            try:
                rows.append(decode(line))
            except msgspec.MsgspecError:
                unreadable += 1
        return None if until == start else Batch(path.stem, rows, unreadable, until)
