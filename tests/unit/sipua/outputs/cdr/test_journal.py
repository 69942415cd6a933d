"""The files of rows: what is written, kept, given up, and told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipua.outputs.cdr import days, journal
from sipua.outputs.cdr.journal import Journal
from sipua.outputs.cdr.row import decode
from sipua.outputs.cdr.settings import CdrSettings
from support.calls.rows import ended, happened, told

DAY = date(2026, 11, 18)


def journal_in(directory: Path, **settings: int) -> Journal:
    return Journal(
        CdrSettings(directory, **settings),
        "berlin",
        on_written=lambda: None,
        before_deleting=lambda path: None,
        now=lambda: datetime(2026, 11, 18, 12, tzinfo=UTC),
    )


def ids(directory: Path) -> list[str]:
    return [decode(line).id for path in days.files(directory) for line in days.lines(path)]


def feed(to: Journal, *call_ids: str) -> None:
    for call_id in call_ids:
        to.on_event(happened(told(ended(), call_id)))


def test_a_row_a_call_in_the_file_of_the_day_for_its_owner_alone(tmp_path: Path) -> None:
    writer = journal_in(tmp_path / "cdr")
    writer.drain()
    assert not (tmp_path / "cdr").exists(), "made with the first row"
    feed(writer, "c-1", "c-2")
    writer.drain()
    feed(writer, "c-3")
    writer.drain()
    file = tmp_path / "cdr" / "2026-11-18.jsonl"
    assert ids(tmp_path / "cdr") == ["c-1", "c-2", "c-3"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_the_thread_writes_what_waits_at_the_end(tmp_path: Path) -> None:
    writer = journal_in(tmp_path)
    writer.start()
    feed(writer, "c-1")
    writer.stop()
    assert ids(tmp_path) == ["c-1"]


def test_D1_a_full_disk_is_told_once_and_all_rows_are_there_when_it_has_room(
    tmp_path: Path,
) -> None:
    writer = journal_in(tmp_path)
    file = days.path(tmp_path, DAY)
    file.symlink_to("/dev/full")
    with capture_logs() as logs:
        for call_id in ("c-1", "c-2", "c-3"):
            feed(writer, call_id)
            writer.drain()
        file.unlink()
        writer.drain()
    assert ids(tmp_path) == ["c-1", "c-2", "c-3"]
    assert [line["event"] for line in logs] == ["cdr.failed", "cdr.written_again"]
    assert logs[0]["error"] == "No space left on device"
    assert writer.lost == 0


def test_D1_what_finds_no_room_for_too_long_is_given_up_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MOST_ROWS", 2)
    writer = journal_in(tmp_path)
    file = days.path(tmp_path, DAY)
    file.symlink_to("/dev/full")
    feed(writer, "c-1", "c-2", "c-3", "c-4", "c-5")
    with capture_logs() as logs:
        writer.drain()
        file.unlink()
        writer.drain()
    assert ids(tmp_path) == ["c-1", "c-2"]
    (lost,) = [line for line in logs if line["event"] == "cdr.lost"]
    assert (lost["rows"], writer.lost) == (3, 3)


def test_D1_events_of_a_thread_that_hangs_are_bounded_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MOST_EVENTS", 3)
    writer = journal_in(tmp_path)
    feed(writer, "c-1", "c-2", "c-3", "c-4")
    assert writer.lost == 1
    with capture_logs() as logs:
        writer.drain()
    assert ids(tmp_path) == ["c-1", "c-2", "c-3"]
    assert [line["rows"] for line in logs if line["event"] == "cdr.lost"] == [1]


def test_D1_a_line_that_a_killed_process_left_half_is_not_continued(tmp_path: Path) -> None:
    file = days.path(tmp_path, DAY)
    file.write_bytes(b'{"schema": "sipua.c')
    writer = journal_in(tmp_path)
    feed(writer, "c-1")
    writer.drain()
    lines = file.read_bytes().splitlines()
    assert lines[0] == b'{"schema": "sipua.c'
    assert decode(lines[1]).id == "c-1"


def test_an_event_that_is_not_as_it_should_be_is_told_and_the_next_one_is_taken(
    tmp_path: Path,
) -> None:
    writer = journal_in(tmp_path)
    wrong = told(ended(began="yesterday"))
    writer.on_event(happened(wrong))
    feed(writer, "c-2")
    with capture_logs() as logs:
        writer.drain()
    assert [line["event"] for line in logs] == ["cdr.no_row"]
    assert ids(tmp_path) == ["c-2"]


@pytest.mark.parametrize(
    ("keep_days", "most", "left"),
    [
        (0, 10_000, ["2026-10-01", "2026-11-17", "2026-11-18"]),
        (10, 10_000, ["2026-11-17", "2026-11-18"]),
        (0, 1500, ["2026-11-18"]),
        (1, 0, ["2026-11-18"]),
    ],
)
def test_files_are_deleted_by_age_and_by_size_and_never_that_of_today(
    tmp_path: Path, keep_days: int, most: int, left: list[str]
) -> None:
    for name in ("2026-10-01", "2026-11-17", "2026-11-18"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"x" * 1000)
    (tmp_path / "notes.jsonl").write_text("of somebody else")
    gone: list[Path] = []
    days.enforce(tmp_path, today=DAY, keep_days=keep_days, max_total_bytes=most, before=gone.append)
    assert [path.stem for path in days.files(tmp_path)] == left
    assert len(gone) == 3 - len(left)
    assert (tmp_path / "notes.jsonl").exists()
