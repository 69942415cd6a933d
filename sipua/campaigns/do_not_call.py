"""The list of numbers that are not called any more: a database that all processes share.

Each look-up opens it anew: a file that is gone, damaged or replaced is noticed at the next call.
A list that was never begun is empty; one that cannot be read is an error, and no answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipua.campaigns.rules.numbers import in_one_form
from sipua.campaigns.store.databases import exists, opened, transaction

_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE entry (
    number TEXT PRIMARY KEY, backwards TEXT NOT NULL, at_s REAL NOT NULL, by TEXT NOT NULL,
    reason TEXT NOT NULL, call_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX by_end ON entry (backwards)
"""
LONGEST_REASON: Final = 200
_SHORTEST: Final = 7
"""Digits in which a number without its country is compared with the end of one that has it."""


@dataclass(frozen=True, slots=True)
class Entry:
    number: str
    at_s: float
    """Unix time."""
    by: str
    """The name of a token, `agent`, or who has imported it."""
    reason: str
    call_id: str = ""
    """The call in which it was asked for."""


class DoNotCallList:
    """Methods may wait for a disk; each raises StoreError. Any thread, any process."""

    def __init__(self, file: Path, country: str = "") -> None:
        """`country`: of numbers that are written without one."""
        self._file = file
        self._country = country

    def find(self, number: str) -> Entry | None:
        """The entry that forbids to call it."""
        form = in_one_form(number, self._country)
        if not form or not exists(self._file):
            return None
        with opened(self._file, _TABLES, _VERSION) as database:
            return _found(database, form)

    def add(
        self, numbers: Iterable[str], *, by: str, reason: str, now_s: float, call_id: str = ""
    ) -> list[Entry]:
        """Those that were not there before; what is no number is left out."""
        forms = dict.fromkeys(in_one_form(number, self._country) for number in numbers)
        added = []
        with opened(self._file, _TABLES, _VERSION) as database, transaction(database):
            for form in filter(None, forms):
                one = Entry(form, now_s, by, reason[:LONGEST_REASON], call_id)
                values = (form, _backwards(form), now_s, by, one.reason, call_id)
                done = database.execute(
                    "INSERT OR IGNORE INTO entry (number, backwards, at_s, by, reason, call_id) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    values,
                )
                if done.rowcount:
                    added.append(one)
        return added

    def remove(self, number: str) -> Entry | None:
        """None: it was not there."""
        form = in_one_form(number, self._country)
        if not form or not exists(self._file):
            return None
        with opened(self._file, _TABLES, _VERSION) as database, transaction(database):
            rows = database.execute(f"{_SELECT} WHERE number = ?", (form,)).fetchall()
            database.execute("DELETE FROM entry WHERE number = ?", (form,))
        return Entry(*rows[0]) if rows else None

    def forget(self, number: str) -> None:
        """Of an entry number, day and by whom stay: without it the number would be called."""
        form = in_one_form(number, self._country)
        if not form or not exists(self._file):
            return
        with opened(self._file, _TABLES, _VERSION) as database, transaction(database):
            statement = "UPDATE entry SET reason = '', call_id = '' WHERE number = ?"
            database.execute(statement, (form,))

    def entries(self, *, after: str = "", limit: int = 100) -> Sequence[Entry]:
        """By number."""
        if not exists(self._file):
            return []
        with opened(self._file, _TABLES, _VERSION) as database:
            rows = database.execute(
                f"{_SELECT} WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
            )
            return [Entry(*row) for row in rows]

    def count(self) -> int:
        if not exists(self._file):
            return 0
        with opened(self._file, _TABLES, _VERSION) as database:
            (found,) = database.execute("SELECT count(*) FROM entry").fetchone()
            return int(found)


_SELECT: Final = "SELECT number, at_s, by, reason, call_id FROM entry"


def _found(database: sqlite3.Connection, form: str) -> Entry | None:
    """The same number; or, where one of both has no country, one with the same end. That forbids
    rather too much: a number that is called against its owner's will costs more than one that is
    not."""
    row = database.execute(f"{_SELECT} WHERE number = ?", (form,)).fetchone()
    backwards = _backwards(form)
    if row is None and len(backwards) >= _SHORTEST:
        ends = [backwards[:length] for length in range(_SHORTEST, len(backwards))]
        marks = ", ".join("?" * len(ends))
        if form.startswith("+"):
            where, values = f"number NOT LIKE '+%' AND backwards IN ({marks})", ends
        else:
            where = "backwards >= ? AND backwards < ?"  # the character behind 9 is `:`
            where += f" OR (number NOT LIKE '+%' AND backwards IN ({marks}))"
            values = [backwards, f"{backwards}:", *ends]
        row = database.execute(f"{_SELECT} WHERE {where} LIMIT 1", values).fetchone()
    return None if row is None else Entry(*row)


def _backwards(form: str) -> str:
    """Its digits without zeros in front, which stand for what a country or an exchange is."""
    return form.removeprefix("+").lstrip("0")[::-1]
