"""The files of rows, one a day (UTC): `directory/2026-01-31.jsonl`, and how long they are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from sipua.process.disk import age_and_size

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")


def path(directory: Path, day: date) -> Path:
    return directory / f"{day.isoformat()}.jsonl"


def files(directory: Path) -> list[Path]:
    """Oldest first. Raises OSError for a directory that cannot be read; empty where none is."""
    with suppress(FileNotFoundError):
        return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    return []


def lines(path: Path, start: int = 0, most: int = -1) -> Iterator[bytes]:
    """The whole lines from that byte on, each with its end; the last one may still be growing.
    `most`: bytes, about. Raises OSError.
    """
    with path.open("rb") as file:
        file.seek(start)
        taken = 0
        for line in file:
            if not line.endswith(b"\n") or 0 <= most <= taken:
                return
            taken += len(line)
            yield line


def enforce(
    directory: Path,
    *,
    today: date,
    keep_days: int,
    max_total_bytes: int,
    before: Callable[[Path], None],
) -> None:
    """Delete files that are too old, and the oldest beyond the size; never today's. `before` is
    told of each one."""
    first = (today - timedelta(days=keep_days)).isoformat() if keep_days else ""
    past = [file for file in files(directory) if file.stem < today.isoformat()]
    total = sum(age_and_size(file)[1] for file in files(directory))
    for file in past:
        if file.stem >= first and total <= max_total_bytes:
            break
        total -= age_and_size(file)[1]
        before(file)
        file.unlink(missing_ok=True)
