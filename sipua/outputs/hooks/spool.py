"""The spool: events on disk from before the first attempt until each receiver has taken them.

SQLite (WAL), because deliveries end one by one and in any order, because `sipua hooks` looks at
them and changes them while the edge runs, and because a killed process leaves nothing half written.
One transaction, and one fsync, for all that has happened in 50 ms (`synchronous = FULL`: a power
failure, too, takes nothing that was committed).

One connection, of one thread. Another process may change deliveries: `changed` tells.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipua.outputs.hooks.endpoint_queue import Job
from sipua.outputs.sqlite import open_shared
from sipua.process.disk import make_private

_VERSION: Final = 1
_BUSY_S: Final = 2.0
_TABLES: Final = """
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL, type TEXT NOT NULL, call_id TEXT NOT NULL, at_s REAL NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE TABLE delivery (
    endpoint TEXT NOT NULL, number INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due_s REAL NOT NULL DEFAULT 0, dead_s REAL, cause TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_of_event ON delivery (number);
CREATE TABLE disabled (
    endpoint TEXT PRIMARY KEY, since_s REAL NOT NULL, cause TEXT NOT NULL, fingerprint TEXT NOT NULL
) STRICT
"""


_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PARTS: Final = ("", "-wal", "-shm")


class SpoolError(Exception):
    """It cannot be read or written; the text says why."""

    damaged = False
    """It never can again."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    id: str
    type: str
    call_id: str
    at_s: float
    document: bytes
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Of a delivery. `done`: it is over, and forgotten."""

    endpoint: str
    number: int
    done: bool = False
    attempts: int = 0
    due_s: float = 0.0
    dead_s: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Disabled:
    endpoint: str
    since_s: float
    cause: str
    fingerprint: str


def ahead_s() -> float:
    """Of the wall clock, by which attempts are due, before the one that nobody sets."""
    return time.time() - time.monotonic()


def lock(directory: Path, held: ExitStack) -> bool:
    """Whether this spool is ours alone now, until `held` is closed. Raises OSError."""
    path = directory / "lock"
    make_private(path)
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    held.callback(os.close, file)
    return True


def database_file(directory: Path) -> Path:
    return directory / "webhooks.sqlite3"


class Spool:
    """Every method but `close` raises SpoolError."""

    def __init__(self, directory: Path) -> None:
        self._file = database_file(directory)
        self._database: sqlite3.Connection | None = None
        self._seen = 0
        self.damaged = False
        """It is of no use any more: `set_aside`."""

    def open(self) -> None:
        self.close()
        with self._told():
            make_private(self._file)
            self._database = connect(self._file)
            self._seen = self._data_version()

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    def set_aside(self) -> Path:
        """A damaged one makes room for a new one; its new name. That of the last time is gone."""
        self.close()
        aside = self._file.with_name(f"{self._file.name}.damaged")
        with self._told():
            for part in _PARTS:
                source = self._file.with_name(self._file.name + part)
                target = aside.with_name(aside.name + part)
                target.unlink(missing_ok=True)
                if source.exists():
                    source.replace(target)
        self.damaged = False
        return aside

    def changed(self) -> bool:
        """Whether another process has written since the last time."""
        with self._told():
            before, self._seen = self._seen, self._data_version()
            return before != self._seen

    def write(self, events: Sequence[NewEvent], changes: Iterable[Change]) -> list[int]:
        """All or nothing; the numbers of the events."""
        numbers: list[int] = []
        with self._told(), transaction(self._open()) as database:
            for event in events:
                row = (event.id, event.type, event.call_id, event.at_s, event.document)
                cursor = database.execute(
                    "INSERT INTO event (id, type, call_id, at_s, document) VALUES (?, ?, ?, ?, ?)",
                    row,
                )
                number = int(cursor.lastrowid or 0)
                numbers.append(number)
                database.executemany(
                    "INSERT INTO delivery (endpoint, number) VALUES (?, ?)",
                    [(name, number) for name in event.endpoints],
                )
            for change in changes:
                _apply(database, change)
        return numbers

    def jobs(self, endpoint: str) -> list[Job]:
        """What waits for it, in the order of the events."""
        with self._told():
            rows = self._open().execute(
                "SELECT number, call_id, at_s, length(document), attempts, due_s "
                "FROM delivery JOIN event USING (number) "
                "WHERE endpoint = ? AND dead_s IS NULL ORDER BY number",
                (endpoint,),
            )
            return [Job(*row) for row in rows]

    def events(self, numbers: Sequence[int]) -> dict[int, tuple[str, bytes]]:
        """Id and document by number; one that is gone is missing."""
        marks = ", ".join("?" * len(numbers))
        with self._told():
            rows = self._open().execute(
                f"SELECT number, id, document FROM event WHERE number IN ({marks})",  # noqa: S608 - marks alone
                numbers,
            )
            return {number: (event_id, document) for number, event_id, document in rows}

    def dead_bytes(self, endpoint: str) -> int:
        with self._told():
            ((size,),) = self._open().execute(
                "SELECT coalesce(sum(length(document)), 0) FROM delivery JOIN event USING (number) "
                "WHERE endpoint = ? AND dead_s IS NOT NULL",
                (endpoint,),
            )
            return int(size)

    def drop_oldest_dead(self, endpoint: str, most_bytes: int) -> int:
        """Dead letters beyond so many bytes are forgotten, the oldest first; how many."""
        with self._told(), transaction(self._open()) as database:
            rows = database.execute(
                "SELECT number, length(document) FROM delivery JOIN event USING (number) "
                "WHERE endpoint = ? AND dead_s IS NOT NULL ORDER BY dead_s DESC, number DESC",
                (endpoint,),
            ).fetchall()
            kept, dropped = 0, 0
            for number, size in rows:
                kept += size
                if kept > most_bytes:
                    _apply(database, Change(endpoint, number, done=True))
                    dropped += 1
            return dropped

    def disabled(self) -> list[Disabled]:
        with self._told():
            return disabled(self._open())

    def disable(self, one: Disabled) -> None:
        with self._told(), transaction(self._open()) as database:
            database.execute(
                "INSERT OR REPLACE INTO disabled VALUES (?, ?, ?, ?)",
                (one.endpoint, one.since_s, one.cause, one.fingerprint),
            )

    def enable(self, endpoint: str) -> None:
        with self._told(), transaction(self._open()) as database:
            database.execute("DELETE FROM disabled WHERE endpoint = ?", (endpoint,))

    def tidy(self, known: Sequence[str], *, dead_before_s: float, born_before_s: float) -> int:
        """Forget old dead letters, and old deliveries to endpoints that are not known; how many of
        the second."""
        marks = ", ".join("?" * len(known))
        with self._told(), transaction(self._open()) as database:
            database.execute("DELETE FROM delivery WHERE dead_s < ?", (dead_before_s,))
            unknown = database.execute(
                f"DELETE FROM delivery WHERE endpoint NOT IN ({marks}) "  # noqa: S608 - marks alone
                "AND number IN (SELECT number FROM event WHERE at_s < ?)",
                (*known, born_before_s),
            ).rowcount
            database.execute("DELETE FROM event WHERE number NOT IN (SELECT number FROM delivery)")
            return unknown

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise SpoolError(f"{self._file}: is not open")
        return self._database

    def _data_version(self) -> int:
        ((version,),) = self._open().execute("PRAGMA data_version")
        return int(version)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with told(self._file):
                yield
        except SpoolError as error:
            self.damaged = self.damaged or error.damaged
            raise


@contextmanager
def told(file: Path) -> Iterator[None]:
    """What goes wrong with this file is a SpoolError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        found = SpoolError(f"{file}: {error}")
        code = getattr(error, "sqlite_errorcode", None)  # extended ones have more above a byte
        found.damaged = code is not None and code & 0xFF in _DAMAGED
        raise found from None


def connect(file: Path) -> sqlite3.Connection:
    """Raises sqlite3.Error. With its tables; transactions are ours alone."""
    database = open_shared(file, _BUSY_S)
    try:
        database.execute("PRAGMA synchronous = FULL")
        if _version(database) != _VERSION:  # who only reads needs no lock
            with transaction(database):
                _make_tables(database)
    except BaseException:
        database.close()
        raise
    return database


def _make_tables(database: sqlite3.Connection) -> None:
    version = _version(database)
    if version == 0:
        for statement in _TABLES.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {_VERSION}")
    elif version != _VERSION:
        raise sqlite3.DatabaseError(f"is of another version of sipua ({version})")


def _version(database: sqlite3.Connection) -> int:
    ((version,),) = database.execute("PRAGMA user_version")
    return int(version)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled it back already
            database.execute("ROLLBACK")
        raise


def disabled(database: sqlite3.Connection) -> list[Disabled]:
    rows = database.execute("SELECT endpoint, since_s, cause, fingerprint FROM disabled")
    return [Disabled(*row) for row in rows]


def _apply(database: sqlite3.Connection, change: Change) -> None:
    key = (change.endpoint, change.number)
    if change.done:
        database.execute("DELETE FROM delivery WHERE endpoint = ? AND number = ?", key)
        database.execute(
            "DELETE FROM event WHERE number = ? "
            "AND NOT EXISTS (SELECT 1 FROM delivery WHERE number = ?)",
            (change.number, change.number),
        )
        return
    database.execute(
        "UPDATE delivery SET attempts = ?, due_s = ?, dead_s = ?, cause = ? "
        "WHERE endpoint = ? AND number = ?",
        (change.attempts, change.due_s, change.dead_s, change.cause, *key),
    )
