"""What the spool holds, and what may be done to it: plain functions for `sipua hooks` and the API.

An edge that runs on the spool sees a change within a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sipua.outputs.hooks.spool import (
    Disabled,
    SpoolError,
    connect,
    database_file,
    disabled,
    transaction,
)


@dataclass(frozen=True, slots=True)
class EndpointState:
    webhook: str
    waiting: int
    dead: int
    oldest_s: float | None
    """When the oldest event that waits happened (unix time)."""
    next_s: float | None
    """When the next attempt is due."""
    cause: str
    """Why the last attempt failed."""
    disabled: Disabled | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    webhook: str
    id: str
    type: str
    call_id: str
    at_s: float
    dead_s: float
    attempts: int
    cause: str


def endpoints(directory: Path) -> list[EndpointState]:
    """All for which something is kept. Raises SpoolError; empty where no spool is."""
    with _opened(directory) as database:
        if database is None:
            return []
        off = {one.endpoint: one for one in disabled(database)}
        found: dict[str, EndpointState] = {}
        rows = database.execute(
            "SELECT endpoint, sum(dead_s IS NULL), sum(dead_s IS NOT NULL), "
            "min(CASE WHEN dead_s IS NULL THEN at_s END), "
            "min(CASE WHEN dead_s IS NULL THEN due_s END), max(cause) "
            "FROM delivery JOIN event USING (number) GROUP BY endpoint"
        )
        for name, waiting, letters, oldest_s, next_s, cause in rows:
            found[name] = EndpointState(
                name, waiting, letters, oldest_s, next_s, cause, off.get(name)
            )
        for name, one in off.items():
            found.setdefault(name, EndpointState(name, 0, 0, None, None, "", one))
        return [found[name] for name in sorted(found)]


def dead(directory: Path, webhook: str = "") -> list[DeadLetter]:
    """Dead letters, of all webhooks or of one, the oldest events first. Raises SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return []
        rows = database.execute(
            "SELECT endpoint, id, type, call_id, at_s, dead_s, attempts, cause "
            "FROM delivery JOIN event USING (number) "
            "WHERE dead_s IS NOT NULL AND (? = '' OR endpoint = ?) ORDER BY number, endpoint",
            (webhook, webhook),
        )
        return [DeadLetter(*row) for row in rows]


def redeliver(directory: Path, webhook: str, ids: Collection[str] | None = None) -> int:
    """Dead letters wait again, with the whole schedule before them (one attempt, if they are older
    than `max_age_h`): all of this webhook, or those with these ids. How many. Raises SpoolError."""
    with _opened(directory) as database:
        if database is None:
            return 0
        wanted = [
            number
            for number, event_id in database.execute(
                "SELECT number, id FROM delivery JOIN event USING (number) "
                "WHERE endpoint = ? AND dead_s IS NOT NULL",
                (webhook,),
            )
            if ids is None or event_id in ids
        ]
        with transaction(database):
            database.executemany(
                "UPDATE delivery SET attempts = 0, due_s = 0, dead_s = NULL "
                "WHERE endpoint = ? AND number = ?",
                [(webhook, number) for number in wanted],
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


@contextmanager
def _opened(directory: Path) -> Iterator[sqlite3.Connection | None]:
    """None: there is no spool, and none is made."""
    file = database_file(directory)
    try:
        if not file.is_file():
            yield None
            return
        with closing(connect(file)) as database:
            yield database
    except (sqlite3.Error, OSError) as error:
        raise SpoolError(f"{file}: {error}") from None
