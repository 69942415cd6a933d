import asyncio
import os
import stat
from datetime import date
from pathlib import Path
from typing import Self

import pytest

from sipua.record.files import RecordFile, RecordFiles
from sipua.record.settings import FileSettings

DAY = date(2026, 3, 1)


def files_in(directory: Path, complaints: list[tuple[Path, str]] | None = None) -> RecordFiles:
    told = complaints if complaints is not None else []
    return RecordFiles(
        FileSettings(directory, keep_days=0, max_total_bytes=10_000),
        lambda path, why: told.append((path, why)),
        in_use=set,
        today=lambda: DAY,
    )


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def until(path: Path, text: str) -> None:
    async with asyncio.timeout(20):
        while read(path) != text:
            await asyncio.sleep(0.02)


async def test_lines_reach_the_file_while_the_call_goes_on(tmp_path: Path) -> None:
    files = files_in(tmp_path / "records")
    files.start()
    file = files.begin("c-1", DAY)
    file.add(b'{"a":1}')
    file.add(b'{"a":2}')
    await until(tmp_path / "records" / "2026-03-01" / "c-1.jsonl", '{"a":1}\n{"a":2}\n')
    file.add(b'{"a":3}')
    await file.close()
    assert file.path.read_text() == '{"a":1}\n{"a":2}\n{"a":3}\n'
    assert file.stats() == {"file": str(file.path), "lines": 3, "dropped": 0}
    files.stop()


async def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "day" / "c-1.jsonl")
    file.add(b"{}")
    file.drain(0)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_no_line_no_file(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "c-1.jsonl")
    assert file.drain(0)
    assert not file.path.exists()


def _full(path: Path) -> None:
    """Whatever is opened there says that there is no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/full")


async def test_H4_a_full_disk_is_told_once_and_the_record_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    told: list[tuple[Path, str]] = []
    file = RecordFile(tmp_path / "day" / "c-1.jsonl", lambda path, why: told.append((path, why)))
    _full(file.path)
    file.add(b"{}")
    assert file.drain(0)
    assert file.drain(1)
    assert told == [(file.path, "No space left on device")]
    file.path.unlink()
    file.add(b"[]")
    assert file.drain(2)
    assert file.path.read_text() == "{}\n[]\n"
    assert file.stats()["failed"] == "No space left on device"


async def test_H4_a_call_whose_record_never_fits_ends_all_the_same(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    file = files.begin("c-1", DAY)
    _full(file.path)
    files.start()
    for _ in range(5000):
        file.add(b"{}")
    await file.close()
    assert file.closed.is_set()
    assert file.stats()["dropped"] == 5000
    files.stop()


def test_a_line_that_was_cut_off_is_finished_not_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tight:
        """Has room for three bytes at a time, and every other time for none."""

        def __init__(self) -> None:
            self.taken = b""
            self.times = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, line: bytes) -> int:
            self.times += 1
            if self.times % 2 == 0:
                raise OSError(28, "No space left on device")
            self.taken += line[:3]
            return len(line[:3])

    disk = Tight()
    monkeypatch.setattr("sipua.record.files._opened", lambda path: disk)
    file = RecordFile(tmp_path / "c-1.jsonl")
    file.add(b'{"a":1}')
    file.add(b'{"b":2}')
    for now in range(12):
        assert file.drain(now)
    assert disk.taken == b'{"a":1}\n{"b":2}\n'


async def test_too_much_is_tidied_away_at_the_start(tmp_path: Path) -> None:
    old = tmp_path / "2026-02-01" / "c-old.jsonl"
    old.parent.mkdir()
    old.write_bytes(b"x" * 20_000)
    files = files_in(tmp_path)
    files.start()
    async with asyncio.timeout(20):
        while old.exists():
            await asyncio.sleep(0.02)
    files.stop()


def test_a_line_is_the_kernels_before_the_drain_returns(tmp_path: Path) -> None:
    """What a killed process had drained is there."""
    path = tmp_path / "c-1.jsonl"
    child = os.fork()
    if child == 0:
        file = RecordFile(path)
        file.add(b'{"last":true}')
        file.drain(0)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert path.read_text() == '{"last":true}\n'
