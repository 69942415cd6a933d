import os
import tracemalloc
from datetime import date
from pathlib import Path

from sipua.record import retention

TODAY = date(2026, 3, 1)


def kept(directory: Path, name: str, size: int = 100, at: float = 0.0) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (at, at))
    return path


def enforce(
    directory: Path, *, days: int = 7, size: int = 10_000, in_use: Path | None = None
) -> int:
    return retention.enforce(
        directory,
        today=TODAY,
        keep_days=days,
        max_total_bytes=size,
        in_use={in_use} if in_use else (),
    )


def test_old_days_go_and_so_do_their_folders(tmp_path: Path) -> None:
    old = kept(tmp_path, "2026-02-21/c-old.jsonl")
    young = kept(tmp_path, "2026-02-22/c-young.jsonl")
    assert enforce(tmp_path) == 1
    assert not old.parent.exists()
    assert young.exists()


def test_zero_days_is_for_ever(tmp_path: Path) -> None:
    kept(tmp_path, "1999-01-01/c-old.jsonl")
    assert enforce(tmp_path, days=0) == 0


def test_the_oldest_make_room(tmp_path: Path) -> None:
    files = [kept(tmp_path, f"2026-02-2{day}/c-{day}.jsonl", 100, day) for day in (5, 6, 7)]
    assert enforce(tmp_path, size=200) == 1
    assert [path.exists() for path in files] == [False, True, True]


def test_the_oldest_days_make_room_first_and_of_the_last_one_its_oldest(tmp_path: Path) -> None:
    first = [kept(tmp_path, f"2026-02-24/c-{n}.jsonl", 100, 1_000 + n) for n in range(3)]
    second = [kept(tmp_path, f"2026-02-25/c-{n}.jsonl", 100, n) for n in range(3)]
    assert enforce(tmp_path, size=150) == 5
    assert not any(path.exists() for path in (*first, *second[:2]))
    assert second[2].exists()


def test_a_folder_of_many_records_is_not_in_memory_at_once(tmp_path: Path) -> None:
    """The edge looks each hour: a list of all files stayed in its memory for ever."""
    for number in range(5_000):
        kept(tmp_path, f"2026-02-28/c-{number:06}.jsonl", 1)
    tracemalloc.start()
    try:
        assert enforce(tmp_path) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 150_000


def test_what_is_being_written_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    running = kept(tmp_path, "2026-01-01/c-running.jsonl")
    notes = kept(tmp_path, "2026-01-01/notes.txt")
    elsewhere = kept(tmp_path, "archive/c-old.jsonl")
    assert enforce(tmp_path, size=0, in_use=running) == 0
    assert running.exists()
    assert notes.exists()
    assert elsewhere.exists()


def test_no_directory_is_nothing_to_do(tmp_path: Path) -> None:
    assert enforce(tmp_path / "none") == 0
    assert list(retention.files(tmp_path / "none")) == []


def test_files_are_listed_newest_first(tmp_path: Path) -> None:
    for name, at in (("2026-02-01/c-a", 5), ("2026-02-02/c-b", 1), ("2026-02-02/c-c", 2)):
        kept(tmp_path, f"{name}.jsonl", at=at)
    assert [path.stem for path in retention.files(tmp_path)] == ["c-c", "c-b", "c-a"]
