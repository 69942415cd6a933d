from __future__ import annotations

import os
from pathlib import Path

from sipua.process.disk import age_and_size, delete_oldest, make_private


def file_of(directory: Path, name: str, *, size: int, at: float) -> Path:
    path = directory / name
    path.write_bytes(b"x" * size)
    os.utime(path, (at, at))
    return path


def test_the_owner_alone_may_read(tmp_path: Path) -> None:
    path = tmp_path / "records" / "c-1.jsonl"
    make_private(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = file_of(tmp_path, "c-1.jsonl", size=3, at=1.0)
    make_private(path)
    assert path.read_bytes() == b"xxx"


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    new, old, middle = (file_of(tmp_path, f"{at}", size=100, at=at) for at in (3.0, 1.0, 2.0))
    assert delete_oldest([new, old, middle], 200) == 1
    assert [path.exists() for path in (new, old, middle)] == [True, False, True]


def test_a_file_that_is_gone_takes_no_room(tmp_path: Path) -> None:
    gone, there = tmp_path / "gone", file_of(tmp_path, "there", size=100, at=1.0)
    assert age_and_size(gone) == (0.0, 0)
    assert delete_oldest([gone, there], 100) == 0
    assert there.exists()
