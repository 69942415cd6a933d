"""How often each number of a pool was used, in a file that outlives the process. One thread.

A number is counted before its INVITE leaves, in the transaction that chooses it: whatever ends the
process, no number is used more often than is allowed. Whom it has called is kept as a hash, which
only this file's salt makes comparable.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from sipua.outputs.sqlite import open_shared
from sipua.process.disk import make_private
from sipua.sip.parties.number_pool import Exhausted, Pool, Use, choose

T = TypeVar("T")

FILE: Final = "number-uses.sqlite3"
KEPT_S: Final = 90 * 86_400.0
"""A destination is forgotten so long after its last call."""
_BUSY_S: Final = 2.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS uses (
    pool TEXT NOT NULL, number TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL,
    last_s REAL NOT NULL, rest_until_s REAL NOT NULL, PRIMARY KEY (pool, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS called (
    pool TEXT NOT NULL, whom BLOB NOT NULL, number TEXT NOT NULL, at_s REAL NOT NULL,
    PRIMARY KEY (pool, whom)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS called_at ON called (at_s);
CREATE TABLE IF NOT EXISTS salt (value BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Day:
    """The day whose calls are counted."""

    name: str
    ends_s: float
    """By the wall clock."""


class NumberUses:
    def __init__(self, folder: Path) -> None:
        """Raises OSError, sqlite3.Error."""
        folder.mkdir(parents=True, exist_ok=True)
        make_private(folder / FILE)
        self._database = open_shared(folder / FILE, _BUSY_S)
        try:
            self._database.executescript(_TABLES)
            self._salt = self._in_transaction(self._read_salt)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        self._database.close()

    def take(
        self, pool: Pool, destination: str, up: Mapping[str, int], now_s: float, today: Day
    ) -> str | Exhausted:
        """`up`: the calls that each number has at present."""
        whom = self._whom(destination)

        def taken() -> str | Exhausted:
            uses = self._uses(pool, up, today.name)
            before = ""
            if pool.choice == "sticky":
                before = self._called_with(pool.name, whom)
            chosen = choose(pool, destination, uses, now_s, before=before, day_ends_s=today.ends_s)
            if isinstance(chosen, Exhausted):
                return chosen
            use = uses.get(chosen, Use())
            self._write(pool.name, chosen, today.name, replace(use, today=use.today + 1), now_s)
            if pool.choice == "sticky":
                self._remember(pool.name, whom, chosen, now_s)
            return chosen

        return self._in_transaction(taken)

    def not_used(self, pool: str, number: str, day: str) -> None:
        """It was taken that day, and the call did not come about."""
        self._database.execute(
            "UPDATE uses SET calls = calls - 1 "
            "WHERE pool = ? AND number = ? AND day = ? AND calls > 0",
            (pool, number, day),
        )

    def rest(self, pool: str, number: str, until_s: float) -> None:
        self._database.execute(
            "UPDATE uses SET rest_until_s = ? WHERE pool = ? AND number = ?",
            (until_s, pool, number),
        )

    def _uses(self, pool: Pool, up: Mapping[str, int], today: str) -> dict[str, Use]:
        rows = self._database.execute(
            "SELECT number, day, calls, last_s, rest_until_s FROM uses WHERE pool = ?",
            (pool.name,),
        )
        known = {
            number: Use(calls if day == today else 0, 0, last_s, rest_until_s)
            for number, day, calls, last_s, rest_until_s in rows
        }
        return {
            number: replace(known.get(number, Use()), up=up.get(number, 0))
            for number in pool.numbers
        }

    def _write(self, pool: str, number: str, day: str, use: Use, now_s: float) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?, ?, ?)",
            (pool, number, day, use.today, now_s, use.rest_until_s),
        )

    def _called_with(self, pool: str, whom: bytes) -> str:
        found = self._database.execute(
            "SELECT number FROM called WHERE pool = ? AND whom = ?", (pool, whom)
        ).fetchone()
        return str(found[0]) if found else ""

    def _remember(self, pool: str, whom: bytes, number: str, now_s: float) -> None:
        self._database.execute("DELETE FROM called WHERE at_s < ?", (now_s - KEPT_S,))
        self._database.execute(
            "INSERT OR REPLACE INTO called VALUES (?, ?, ?, ?)", (pool, whom, number, now_s)
        )

    def _whom(self, destination: str) -> bytes:
        return hashlib.blake2b(destination.encode(), key=self._salt, digest_size=16).digest()

    def _read_salt(self) -> bytes:
        found = self._database.execute("SELECT value FROM salt").fetchone()
        if found:
            return bytes(found[0])
        made = secrets.token_bytes(32)
        self._database.execute("INSERT INTO salt VALUES (?)", (made,))
        return made

    def _in_transaction(self, work: Callable[[], T]) -> T:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            done = work()
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        return done
