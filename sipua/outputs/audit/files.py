"""The files of the audit log: one a month, in one directory, which one process writes at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import date
from io import FileIO
from pathlib import Path
from typing import Final

from sipua.outputs.audit.chain import LONGEST, Head, head_of
from sipua.process.disk import make_private

_LOCK: Final = "lock"
_PATTERN: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"
_TAIL: Final = 8 * LONGEST


class InUseError(OSError):
    """Another process writes there."""


def of_month(directory: Path, day: date) -> Path:
    return directory / f"{day:%Y-%m}.jsonl"


def all_of(directory: Path) -> list[Path]:
    """Oldest first."""
    return sorted(directory.glob(_PATTERN))


def take(directory: Path) -> FileIO:
    """The right to write there, until it is closed. Raises OSError, InUseError."""
    path = directory / _LOCK
    make_private(path)
    lock = path.open("ab", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise InUseError(f"another process writes to {directory}") from None
    return lock


def head(directory: Path) -> Head:
    """What the next line follows. Raises OSError."""
    for path in reversed(all_of(directory)):
        size = path.stat().st_size
        if not size:
            continue
        with path.open("rb") as file:
            file.seek(max(size - _TAIL, 0))
            lines = file.read(_TAIL).split(b"\n")
        if size > _TAIL:
            lines = lines[1:]  # it begins in the middle of one
        return head_of([line for line in lines if line])
    return Head()


def lines(directory: Path) -> Iterator[tuple[str, int, bytes]]:
    """All, each with the name of its file and its number there. Raises OSError."""
    for path in all_of(directory):
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 2):
                number += 1
                if line.strip(b"\n"):
                    yield path.name, number, line.rstrip(b"\n")


def append(path: Path, line: bytes) -> None:
    """All of it or nothing, and it is on the disk then; behind the end of a line, whatever is
    there. Raises OSError.
    """
    make_private(path)
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        data = (b"" if _ends(file, size) else b"\n") + line + b"\n"
        try:
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):  # a file that may only grow (`chattr +a`)
                os.ftruncate(file.fileno(), size)
            raise


def _ends(file: FileIO, size: int) -> bool:
    """Whether its last line has its end."""
    if not size:
        return True
    file.seek(size - 1)
    return file.read(1) == b"\n"
