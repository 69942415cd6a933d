"""The rows in a PostgreSQL database: table `sipua_cdr`.

asyncpg is used on the thread of its sink, with a loop of its own that runs only while the sink
waits. Every step has a deadline: a server that accepts and says nothing is as good as none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

import asyncpg

from sipua.outputs.cdr import migrations, row
from sipua.outputs.cdr.row import Row
from sipua.outputs.cdr.sink import StoreError

_T = TypeVar("_T")

_CONNECT_S: Final = 5.0
_STEP_S: Final = 15.0
_COLUMNS: Final = (
    *("id", "began", "ended", "answered", "node", "direction", '"from"', '"to"', "origin"),
    *("route", "status", "reason", "fault", "rang_ms", "talk_ms", "cost", "doc"),
)
_INSERT: Final = (
    f"INSERT INTO sipua_cdr ({', '.join(_COLUMNS)}) "  # noqa: S608 - of names of ours
    f"VALUES ({', '.join(f'${number}' for number in range(1, len(_COLUMNS) + 1))}) "
    "ON CONFLICT (id, began) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in ("id", "began"))
)
_LOCK: Final = 0x51_9C_D7
"""Of edges that make the tables at the same time."""
_HOPELESS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.exceptions.ProgramLimitExceededError,
    OverflowError,
    ValueError,
)
"""A value that no further attempt will make better."""


class PostgresStore:
    name = "postgres"
    fix = "rows stay in the files of `cdr.directory` until it takes them: check `cdr.postgres`"

    def __init__(self, address: str) -> None:
        self._address = address
        self._runner: asyncio.Runner | None = None
        self._connection: asyncpg.Connection | None = None

    def open(self) -> bool:
        if self._connection is not None and not self._connection.is_closed():
            return False
        try:
            return self._run(self._open())
        except _HOPELESS as error:  # the address is none
            raise StoreError(f"{type(error).__name__}: see `cdr.postgres`") from None

    def write(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        lines = [_line(one) for one in rows]
        try:
            self._run(self._insert(lines))
        except _HOPELESS:
            return self._run(self._one_by_one(lines))
        return []

    def tidy(self) -> None:
        """It is the owner's of the database to say what is too old there."""

    def close(self) -> None:
        connection, self._connection = self._connection, None
        runner, self._runner = self._runner, None
        with suppress(Exception):  # it is gone already
            if connection is not None:
                connection.terminate()
        if runner is not None:
            runner.close()

    # --- on the loop ----------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        self._runner = self._runner or asyncio.Runner()
        try:
            return self._runner.run(work)
        except _HOPELESS:
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            # asyncpg puts no address with its password into these.
            words = str(error) or f"no answer within {_STEP_S:g} s"
            raise StoreError(f"{type(error).__name__}: {words}") from None

    async def _open(self) -> bool:
        connection = await asyncpg.connect(
            self._address, timeout=_CONNECT_S, command_timeout=_STEP_S
        )
        self._connection = connection
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS sipua_schema_version (version integer NOT NULL)"
            )
            version = await connection.fetchval(
                "SELECT coalesce(max(version), 0) FROM sipua_schema_version"
            )
            for migration in migrations.behind("postgres", version):
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO sipua_schema_version VALUES ($1)", migration.version
                )
        return bool(version == 0)

    async def _insert(self, lines: Sequence[tuple[Any, ...]]) -> None:
        assert self._connection is not None
        await self._connection.executemany(_INSERT, lines)  # all or none

    async def _one_by_one(self, lines: Sequence[tuple[Any, ...]]) -> list[tuple[str, str]]:
        refused = []
        for line in lines:
            try:
                await self._insert([line])
            except _HOPELESS as error:
                refused.append((str(line[0]), str(error)))
        return refused


def _line(one: Row) -> tuple[Any, ...]:
    return (
        one.id,
        _moment(one.began),
        _moment(one.ended),
        _moment(one.answered) if one.answered else None,
        *(one.node, one.direction, one.from_, one.to, one.origin, one.route),
        *(one.status, one.end.reason.value, one.end.fault),
        *(one.rang_ms, one.talk_ms, one.cost, row.encode(one).decode()),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
