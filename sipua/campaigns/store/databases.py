"""Opening the databases of this folder: private files, durable writes, errors with a fix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sipua.outputs.sqlite import open_shared
from sipua.process.disk import make_private

_BUSY_S: Final = 5.0


class StoreError(Exception):
    """A database cannot be read or written; the text says which, and why."""


def exists(file: Path) -> bool:
    """Raises StoreError where that cannot be known: a folder that may not be read is no proof."""
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _told(file, error) from None
    return True


@contextmanager
def opened(file: Path, tables: str, version: int) -> Iterator[sqlite3.Connection]:
    """`tables`: the statements that make them. It is closed behind it, and made when it is not
    there. Raises StoreError, also for errors of those who use it."""
    with told(file), closing(connect(file, tables, version)) as database:
        yield database


def connect(file: Path, tables: str, version: int) -> sqlite3.Connection:
    """What is committed is on the disk: a kill and a power failure take nothing of it. Raises
    StoreError."""
    with told(file):
        make_private(file)
        database = open_shared(file, _BUSY_S)
        try:
            database.execute("PRAGMA synchronous = FULL")
            _make(database, file, tables, version)
        except BaseException:
            database.close()
            raise
        return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


@contextmanager
def told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _told(file, error) from None


def _make(database: sqlite3.Connection, file: Path, tables: str, version: int) -> None:
    with transaction(database):
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise StoreError(f"{file} was written by a newer version of sipua")
        if found == 0:
            for table in tables.split(";"):
                database.execute(table)
            database.execute(f"PRAGMA user_version = {version}")


def _told(file: Path, error: Exception) -> StoreError:
    return StoreError(f"{file}: {error}")
