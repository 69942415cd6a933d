"""What the spool holds, and what may be done to it: plain functions for `sipua hooks` and the API.

An edge that runs on the spool sees a change within a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sipua.outputs.hooks.spool import (
    Disabled,
    connect,
    database_file,
    disabled,
    told,
    transaction,
)

ALL: Final = -1
"""No limit."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    webhook: str
    waiting: int
    dead: int
    oldest_s: float | None
    """When the oldest event that waits happened (unix time)."""
    next_s: float | None
    """When one that was tried is tried again. None: none was."""
    cause: str
    """Why the oldest event that waits was not taken. Empty: none of them has been tried."""
    disabled: Disabled | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    number: int
    """It grows with the events."""
    webhook: str
    id: str
    type: str
    call_id: str
    at_s: float
    dead_s: float
    attempts: int
    cause: str


def endpoints(directory: Path, also: Collection[str] = ()) -> list[EndpointState]:
    """All for which something is kept, and `also` these. Raises SpoolError."""
    found = {name: EndpointState(name, 0, 0, None, None, "", None) for name in also}
    with _opened(directory) as database:
        if database is not None:
            found |= _kept(database)
    return [found[name] for name in sorted(found)]


def _kept(database: sqlite3.Connection) -> dict[str, EndpointState]:
    off = {one.endpoint: one for one in disabled(database)}
    found: dict[str, EndpointState] = {}
    rows = database.execute(
        "SELECT endpoint, sum(dead_s IS NULL), sum(dead_s IS NOT NULL), "
        "min(CASE WHEN dead_s IS NULL THEN number END), "
        "min(CASE WHEN dead_s IS NULL AND attempts > 0 THEN due_s END), "
        "min(CASE WHEN dead_s IS NULL AND attempts > 0 THEN number END) "
        "FROM delivery GROUP BY endpoint"
    ).fetchall()
    for name, waiting, letters, oldest, next_s, tried in rows:
        at_s = _one(database, "SELECT at_s FROM event WHERE number = ?", oldest)
        cause = _one(
            database,
            "SELECT cause FROM delivery WHERE endpoint = ? AND number = ?",
            name,
            tried,
        )
        found[name] = EndpointState(
            name, waiting, letters, at_s, next_s, cause or "", off.get(name)
        )
    for name, one in off.items():
        found.setdefault(name, EndpointState(name, 0, 0, None, None, "", one))
    return found


def dead(
    directory: Path, webhook: str = "", *, after: int = 0, limit: int = ALL
) -> list[DeadLetter]:
    """Dead letters, of all webhooks or of one, the oldest events first, behind the number `after`.
    Raises SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return []
        rows = database.execute(
            "SELECT number, endpoint, id, type, call_id, at_s, dead_s, attempts, cause "
            "FROM delivery JOIN event USING (number) "
            "WHERE dead_s IS NOT NULL AND (? = '' OR endpoint = ?) AND number > ? "
            "ORDER BY number, endpoint LIMIT ?",
            (webhook, webhook, after, limit),
        )
        return [DeadLetter(*row) for row in rows]


def redeliver(directory: Path, webhook: str, ids: Collection[str] | None = None) -> int:
    """Dead letters wait again, with the whole schedule before them (one attempt, if they are older
    than `max_age_h`): those with these ids, or all of this webhook; with all, what waits for it is
    tried now, too. How many were dead. Raises SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return 0
        again = (
            "UPDATE delivery SET attempts = 0, due_s = 0, dead_s = NULL "
            "WHERE endpoint = ? AND dead_s IS NOT NULL"
        )
        with transaction(database):
            if ids is None:
                database.execute(
                    "UPDATE delivery SET due_s = 0 "
                    "WHERE endpoint = ? AND dead_s IS NULL AND due_s > 0",
                    (webhook,),
                )
                return database.execute(again, (webhook,)).rowcount
            rows = database.execute(
                "SELECT number, id FROM delivery JOIN event USING (number) "
                "WHERE endpoint = ? AND dead_s IS NOT NULL",
                (webhook,),
            )
            wanted = [number for number, event_id in rows if event_id in ids]
            database.executemany(
                f"{again} AND number = ?", [(webhook, number) for number in wanted]
            )
            return len(wanted)


def enable(directory: Path, webhook: str) -> bool:
    """Send to it again, although it has answered 410. False: it was not disabled. Raises
    SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return False
        with transaction(database):
            cursor = database.execute("DELETE FROM disabled WHERE endpoint = ?", (webhook,))
            return cursor.rowcount > 0


def events_of(directory: Path, calls: Collection[str]) -> list[int]:
    """The numbers of all that is kept of these calls. Raises SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return []
        rows = database.execute("SELECT number, call_id FROM event")
        return [number for number, call_id in rows if call_id in calls]


def delete_events(directory: Path, numbers: Collection[int]) -> None:
    """Whether they wait or are dead letters; one that is being sent arrives. Raises SpoolError."""
    with _opened(directory) as database:
        if database is not None:
            with transaction(database):
                each = [(number,) for number in numbers]
                database.executemany("DELETE FROM delivery WHERE number = ?", each)
                database.executemany("DELETE FROM event WHERE number = ?", each)


def _one(database: sqlite3.Connection, query: str, *values: object) -> Any:
    """None: there is no such row."""
    row = database.execute(query, values).fetchone()
    return None if row is None else row[0]


@contextmanager
def _opened(directory: Path) -> Iterator[sqlite3.Connection | None]:
    """None: there is no spool, and none is made."""
    file = database_file(directory)
    with told(file):
        if not file.is_file():
            yield None
            return
        with closing(connect(file)) as database:
            yield database
