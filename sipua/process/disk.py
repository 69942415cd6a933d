"""Files that hold what people said: for their owner alone; the oldest make room for new ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def make_private(path: Path) -> None:
    """An empty file, with the folder that it is in, that its owner alone may read. One that is
    there stays as it is."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)


def age_and_size(path: Path) -> tuple[float, int]:
    """When it was written last, and how long it is; zeros when it is gone by now."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0.0, 0
    return status.st_mtime, status.st_size


def entries(folder: Path, ending: str | tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    """Its files of these endings, one after the other, in no order: a folder may have more than
    should be in memory at once. Empty when there is no such folder."""
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for entry in found:
            if entry.name.endswith(ending):
                yield entry


def is_empty(folder: Path) -> bool:
    with os.scandir(folder) as found:
        return next(found, None) is None


def size_of(entry: os.DirEntry[str]) -> int:
    """Zero when it is gone by now."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def delete_oldest(paths: Iterable[Path], most_bytes: int) -> int:
    """Until the rest takes no more than that; how many were deleted."""
    files = sorted((*age_and_size(path), path) for path in paths)
    total = sum(size for _, size, _ in files)
    deleted = 0
    for _, size, path in files:
        if total <= most_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
        deleted += 1
    return deleted
