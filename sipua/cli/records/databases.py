"""Calls of a caller in databases: found, and erased. SQLite and PostgreSQL have rows of calls.
Events that wait for webhooks, and dead letters, are in the spool, which is theirs to know.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from sipua.cli.records.whose import Wanted, without_numbers
from sipua.outputs.cdr.row import Row, decode
from sipua.outputs.cdr.sqlite_store import read_only

if TYPE_CHECKING:
    import asyncpg

_T = TypeVar("_T")
_CONNECT_S: Final = 5.0
_STEP_S: Final = 120.0
_BUSY_S: Final = 10.0
_CANDIDATES: Final = """
SELECT doc FROM sipua_cdr WHERE position($1 IN regexp_replace(
    lower(concat_ws(' ', "from", "to", doc ->> 'caller')), '[^0-9a-z]', '', 'g')) > 0
"""
_ERASE: Final = """
UPDATE sipua_cdr SET "from" = NULL, "to" = NULL,
    doc = doc - 'from' - 'to' - 'called' - 'caller'
WHERE id = ANY($1::text[])
"""


class DatabaseError(Exception):
    """The text says which one, and why."""


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    day: str


def of_row(row: Row) -> Call:
    return Call(row.id, row.began[:10])


# --- SQLite -----------------------------------------------------------------------------------


def find_in_sqlite(path: Path, wanted: Wanted) -> Iterator[Call]:
    """Raises sqlite3.Error."""
    if not path.exists():
        return
    with read_only(path) as database:
        for (doc,) in database.execute("SELECT doc FROM cdr"):
            try:
                row = decode(doc)
            except msgspec.MsgspecError:
                continue
            if wanted.is_of_row(row):
                yield of_row(row)


def erase_in_sqlite(path: Path, calls: Iterable[str]) -> None:
    """Raises sqlite3.Error."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S)) as database, database:
        for call_id in calls:
            rows = database.execute("SELECT rowid, doc FROM cdr WHERE id = ?", (call_id,))
            for row_id, doc in rows.fetchall():
                database.execute(
                    "UPDATE cdr SET from_ = NULL, to_ = NULL, doc = ? WHERE rowid = ?",
                    (without_numbers(doc.encode()).decode(), row_id),
                )


# --- PostgreSQL -------------------------------------------------------------------------------


def find_in_postgres(address: str, wanted: Wanted) -> list[Call]:
    """Raises DatabaseError."""

    async def find(database: asyncpg.Connection) -> list[Call]:
        found: list[Call] = []
        if await database.fetchval("SELECT to_regclass('sipua_cdr') IS NULL"):
            return found
        async with database.transaction(readonly=True):
            async for (doc,) in database.cursor(_CANDIDATES, wanted.end):
                try:
                    row = decode(doc.encode())
                except msgspec.MsgspecError:
                    continue
                if wanted.is_of_row(row):
                    found.append(of_row(row))
        return found

    return _run(address, find)


def erase_in_postgres(address: str, calls: Iterable[str]) -> int:
    """How many rows. Raises DatabaseError."""

    async def erase(database: asyncpg.Connection) -> int:
        if await database.fetchval("SELECT to_regclass('sipua_cdr') IS NULL"):
            return 0
        told = await database.execute(_ERASE, sorted(calls))
        return int(told.rpartition(" ")[2])

    return _run(address, erase)


def _run(address: str, work: Callable[[asyncpg.Connection], Awaitable[_T]]) -> _T:
    try:
        import asyncpg
    except ImportError:
        raise DatabaseError("PostgreSQL: pip install 'sipua[postgres]'") from None

    async def connected() -> _T:
        database = await asyncpg.connect(address, timeout=_CONNECT_S, command_timeout=_STEP_S)
        try:
            return await work(database)
        finally:
            await database.close(timeout=_CONNECT_S)

    try:
        return asyncio.run(connected())
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        # asyncpg puts no address with its password into these.
        raise DatabaseError(f"PostgreSQL: {type(error).__name__}: {error}") from None
