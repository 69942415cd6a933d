"""A database that several open."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sipua.outputs.sqlite import open_shared


def test_who_opens_a_new_file_together_waits_for_each_other(tmp_path: Path) -> None:
    refused: list[sqlite3.Error] = []

    def opens(file: Path, together: threading.Barrier) -> None:
        together.wait(10)
        try:
            open_shared(file, 5.0).close()
        except sqlite3.Error as error:
            refused.append(error)

    for number in range(60):  # without the waiting about one in ten is refused
        file = tmp_path / f"{number}.sqlite3"
        file.touch()
        together = threading.Barrier(3)
        threads = [threading.Thread(target=opens, args=(file, together)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert not refused


def test_a_lock_that_is_kept_is_told_when_the_time_is_over(tmp_path: Path) -> None:
    file = tmp_path / "held.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            open_shared(file, 0.05)


def test_what_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("this is a list of things to do\n" * 40)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_shared(file, 60.0)
