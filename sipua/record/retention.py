"""The retention of records, by age and by size: `directory/2026-01-31/CALL_ID.jsonl`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import date, timedelta
from pathlib import Path

from sipua.process.disk import age_and_size, delete_oldest, entries, is_empty, size_of

_RECORD = ".jsonl"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def days(directory: Path) -> list[Path]:
    """The folders of days, oldest first. Empty when there is no such directory."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if _DAY.fullmatch(path.name))


def files(directory: Path) -> Iterator[Path]:
    """All records, newest first by their names."""
    for day in reversed(days(directory)):
        yield from sorted(day.glob("*.jsonl"), key=lambda path: (-age_and_size(path)[0], path.name))


def enforce(
    directory: Path,
    *,
    today: date,
    keep_days: int,
    max_total_bytes: int,
    in_use: Container[Path] = (),
) -> int:
    """Delete records that are too old, then the oldest beyond the size; returns their number.

    Only `*.jsonl` in folders of days is deleted; other files stay. In memory are the names of one
    day at most, and these only where one is to be deleted.
    """
    first = (today - timedelta(days=keep_days)).isoformat() if keep_days else ""
    deleted = total = 0
    for day in days(directory):
        for entry in entries(day, _RECORD):
            path = Path(entry.path)
            if path in in_use:
                continue
            if day.name < first:
                path.unlink(missing_ok=True)
                deleted += 1
            else:
                total += size_of(entry)
    for day in days(directory):
        if total <= max_total_bytes:
            break
        of_day = [path for path in day.glob(f"*{_RECORD}") if path not in in_use]
        sizes = sum(age_and_size(path)[1] for path in of_day)
        deleted += delete_oldest(of_day, max(0, sizes - (total - max_total_bytes)))
        total -= sizes - sum(age_and_size(path)[1] for path in of_day)
    for day in days(directory):
        if day.name != today.isoformat() and is_empty(day):
            day.rmdir()
    return deleted
