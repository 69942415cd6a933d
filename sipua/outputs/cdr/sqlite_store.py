"""The rows in an SQLite database, for `sipua cdr` and for whoever reads SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sipua.events.teller import rfc3339
from sipua.outputs.cdr import migrations, row
from sipua.outputs.cdr.row import Row
from sipua.outputs.cdr.sink import StoreError
from sipua.outputs.sqlite import open_shared
from sipua.process.disk import make_private

COLUMNS: Final = (
    *("id", "began", "ended", "answered", "node", "direction", "from_", "to_", "origin", "route"),
    *("status", "reason", "fault", "rang_ms", "talk_ms", "cost", "doc"),
)
_INSERT: Final = (
    f"INSERT INTO cdr ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (id, began) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in ("id", "began"))
)
_BUSY_S: Final = 5.0
_HOPELESS: Final = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    OverflowError,
    UnicodeError,
)
"""A value that no further attempt will make better."""


def values(one: Row) -> tuple[Any, ...]:
    """Of all columns but the last, `doc`, in their order."""
    return (
        *(one.id, one.began, one.ended, one.answered, one.node, one.direction, one.from_, one.to),
        *(one.origin, one.route, one.status, one.end.reason.value, one.end.fault),
        *(one.rang_ms, one.talk_ms, one.cost),
    )


class SqliteStore:
    name = "sqlite"
    fix = "rows stay in the files of `cdr.directory` until it can be written: check its disk"

    def __init__(
        self,
        file: Path,
        *,
        keep_days: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`keep_days` 0: rows are never deleted."""
        self._file = file
        self._keep_days = keep_days
        self._now = now
        self._database: sqlite3.Connection | None = None

    def open(self) -> bool:
        if self._database is not None and self._file.exists():
            return False
        self.close()
        try:
            make_private(self._file)
            database = self._database = open_shared(self._file, _BUSY_S)
            database.execute("PRAGMA synchronous = NORMAL")  # the files of rows are synced
            return _migrate(database)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"{self._file}: {error}") from None

    def write(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        database = self._database
        assert database is not None
        lines = [(*values(one), row.encode(one).decode()) for one in rows]
        try:
            try:
                _insert(database, lines)
            except _HOPELESS:
                return _insert_one_by_one(database, lines)
        except sqlite3.Error as error:
            raise StoreError(f"{self._file}: {error}") from None
        return []

    def tidy(self) -> None:
        if not self._keep_days or self._database is None:
            return
        first = self._now() - timedelta(days=self._keep_days)
        try:
            self._database.execute("DELETE FROM cdr WHERE ended < ?", (rfc3339(first),))
        except sqlite3.Error as error:
            raise StoreError(f"{self._file}: {error}") from None

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()


def _migrate(database: sqlite3.Connection) -> bool:
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER) STRICT")
        ((version,),) = database.execute("SELECT coalesce(max(version), 0) FROM schema_version")
        for migration in migrations.behind("sqlite", version):
            for statement in _statements(migration.sql):
                database.execute(statement)
            database.execute("INSERT INTO schema_version VALUES (?)", (migration.version,))
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return bool(version == 0)


def _statements(script: str) -> Iterator[str]:
    """One by one: `executescript` would end our transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _insert(database: sqlite3.Connection, lines: Sequence[tuple[Any, ...]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(_INSERT, lines)
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled it back already
            database.execute("ROLLBACK")
        raise


def _insert_one_by_one(
    database: sqlite3.Connection, lines: Sequence[tuple[Any, ...]]
) -> list[tuple[str, str]]:
    refused = []
    for line in lines:
        try:
            _insert(database, [line])
        except _HOPELESS as error:
            refused.append((str(line[0]), str(error)))
    return refused


def read_only(file: Path) -> closing[sqlite3.Connection]:
    """For those who only look. Raises sqlite3.Error."""
    return closing(
        sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    )
