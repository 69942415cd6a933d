"""From the files of rows to a database: it lags, fails, catches up, and takes each row once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipua.outputs.cdr import sink as sink_module
from sipua.outputs.cdr.backlog import Backlog
from sipua.outputs.cdr.row import Row, encode
from sipua.outputs.cdr.sink import Sink, StoreError
from sipua.outputs.cdr.sqlite_store import SqliteStore
from support.calls.rows import row
from support.process import wait_until

DAY = "2026-11-18"


def add(directory: Path, *call_ids: str, day: str = DAY) -> None:
    with (directory / f"{day}.jsonl").open("ab") as file:
        for call_id in call_ids:
            file.write(encode(row(call_id)) + b"\n")


def stored(directory: Path) -> list[str]:
    file = directory / "cdr.sqlite3"
    if not file.exists():
        return []
    database = sqlite3.connect(file)
    try:
        return [call_id for (call_id,) in database.execute("SELECT id FROM cdr ORDER BY id")]
    except sqlite3.OperationalError:
        return []  # its tables are being made
    finally:
        database.close()


class Fragile:
    """A database that is there as long as `up`."""

    name = "fragile"
    fix = "mend it"

    def __init__(self) -> None:
        self.up = True
        self.written: list[str] = []
        self.attempts = 0

    def open(self) -> bool:
        self.attempts += 1
        if not self.up:
            raise StoreError("it is down")
        return False

    def write(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        if not self.up:
            raise StoreError("it is down")
        self.written += [one.id for one in rows]
        return [(one.id, "never") for one in rows if one.id == "c-bad"]

    def tidy(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "_FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(sink_module, "_LONGEST_WAIT_S", 0.05)


def test_rows_reach_the_database_and_the_next_run_goes_on_behind_them(tmp_path: Path) -> None:
    add(tmp_path, "c-1", "c-2", day="2026-11-17")
    for more in ("c-3", "c-4"):
        add(tmp_path, more)
        sink = Sink(SqliteStore(tmp_path / "cdr.sqlite3"), Backlog(tmp_path, "sqlite"))
        sink.start()
        wait_until(lambda more=more: more in stored(tmp_path), 10, "the row")
        sink.stop()
    assert stored(tmp_path) == ["c-1", "c-2", "c-3", "c-4"]
    assert (tmp_path / "cdr.sqlite3").stat().st_mode & 0o777 == 0o600


def test_D1_a_database_that_is_down_gets_the_backlog_later_and_the_log_two_lines(
    tmp_path: Path,
) -> None:
    store = Fragile()
    store.up = False
    sink = Sink(store, Backlog(tmp_path, "fragile"))
    with capture_logs() as logs:
        sink.start()
        add(tmp_path, "c-1", "c-2")
        sink.wake()
        wait_until(lambda: store.attempts >= 4, 10, "attempts")
        add(tmp_path, "c-3")
        store.up = True
        wait_until(lambda: len(store.written) == 3, 10, "the backlog")
        sink.stop()
    assert store.written == ["c-1", "c-2", "c-3"]
    assert [line["event"] for line in logs] == ["cdr.sink_down", "cdr.sink_back"]
    assert (logs[0]["error"], logs[0]["fix"]) == ("it is down", "mend it")


def test_D1_killed_between_write_and_position_nothing_is_twice_in_the_database(
    tmp_path: Path,
) -> None:
    add(tmp_path, "c-1", "c-2")
    for _ in range(2):  # the second run finds the rows of the first, and no position
        store, backlog = SqliteStore(tmp_path / "cdr.sqlite3"), Backlog(tmp_path, "sqlite")
        backlog.load()
        store.open()
        for batch in backlog.batches():
            store.write(batch.rows)
            break
        store.close()
    assert stored(tmp_path) == ["c-1", "c-2"]


def test_D1_a_full_disk_under_the_database_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "cdr.sqlite3")
    store.open()
    database = store._database
    assert database is not None
    database.execute("PRAGMA max_page_count = 12")
    many = [row(f"c-{number:04}", route="r" * 500) for number in range(200)]
    with pytest.raises(StoreError, match="full"):
        store.write(many)
    assert stored(tmp_path) == []
    database.execute("PRAGMA max_page_count = 100000")
    assert store.write(many) == []
    assert len(stored(tmp_path)) == 200
    store.close()


def test_a_row_that_a_database_never_takes_holds_nothing_up_and_is_told(tmp_path: Path) -> None:
    store = Fragile()
    add(tmp_path, "c-1", "c-bad", "c-3")
    with (tmp_path / f"{DAY}.jsonl").open("ab") as file:
        file.write(b"not a row\n")
    backlog = Backlog(tmp_path, "fragile")
    sink = Sink(store, backlog)
    with capture_logs() as logs:
        assert sink._pass()
    assert [line["event"] for line in logs] == ["cdr.refused", "cdr.never_stored"]
    assert logs[1]["rows"] == 2
    assert not backlog.behind()


def test_sqlite_refuses_one_row_and_takes_the_others(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "cdr.sqlite3")
    store.open()
    too_large = row("c-2")
    too_large.talk_ms = 2**70
    refused = store.write([row("c-1"), too_large, row("c-3")])
    assert [call_id for call_id, _ in refused] == ["c-2"]
    assert stored(tmp_path) == ["c-1", "c-3"]
    store.close()


def test_a_database_that_was_removed_is_made_anew_from_the_files(tmp_path: Path) -> None:
    add(tmp_path, "c-1", "c-2")
    sink = Sink(SqliteStore(tmp_path / "cdr.sqlite3"), Backlog(tmp_path, "sqlite"))
    assert sink._pass()
    for file in tmp_path.glob("cdr.sqlite3*"):
        file.unlink()
    add(tmp_path, "c-3")
    assert sink._pass()
    assert stored(tmp_path) == ["c-1", "c-2", "c-3"]


def test_a_position_of_nonsense_is_the_beginning(tmp_path: Path) -> None:
    add(tmp_path, "c-1")
    for text in ("", "[]", '{"a": "b"}', '{"2026-11-18": 99999999}', "null"):
        (tmp_path / ".fragile.position").write_text(text)
        backlog = Backlog(tmp_path, "fragile")
        backlog.load()
        assert [len(batch.rows) for batch in backlog.batches() if not backlog.done(batch)] == [1]
        assert not backlog.behind()


def test_D1_rows_that_are_deleted_before_they_were_stored_are_said(tmp_path: Path) -> None:
    add(tmp_path, "c-1", "c-2")
    sink = Sink(Fragile(), Backlog(tmp_path, "fragile"))
    with capture_logs() as logs:
        sink.tell_unread(tmp_path / f"{DAY}.jsonl")
    assert [(line["event"], line["rows"]) for line in logs] == [("cdr.never_stored", 2)]
