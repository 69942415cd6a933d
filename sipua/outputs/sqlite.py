"""Databases in files that several processes open: what SQLite leaves to who uses it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

_PAUSE_S: Final = 0.01


def open_shared(file: Path, busy_s: float) -> sqlite3.Connection:
    """With a write-ahead log, so that readers and the writer do not wait for each other; who finds
    a lock waits up to `busy_s` for it. Autocommit: transactions are the caller's alone. Raises
    sqlite3.Error."""
    database = sqlite3.connect(file, timeout=busy_s, isolation_level=None)
    try:
        _keep_a_log(database, busy_s)
    except BaseException:
        database.close()
        raise
    return database


def _keep_a_log(database: sqlite3.Connection, busy_s: float) -> None:
    """Of two who do this to a new file at once SQLite refuses one immediately, whatever `timeout`
    says: both hold the file for reading, and each would wait for the other."""
    until = time.monotonic() + busy_s
    while not _keeps_a_log(database):
        if time.monotonic() >= until:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(_PAUSE_S)


def _keeps_a_log(database: sqlite3.Connection) -> bool:
    """False: another is at it."""
    try:
        database.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True
