"""Call records of a real edge, also while what they are written to is down, full or slow."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sipua.outputs.cdr import days
from sipua.outputs.cdr.row import Row, decode
from support.calls.edge import Edge
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer


def rows(directory: Path) -> list[Row]:
    return [decode(line) for path in days.files(directory) for line in days.lines(path)]


def stored(directory: Path) -> list[str]:
    file = directory / "cdr.sqlite3"
    if not file.exists():
        return []
    database = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        return [call_id for (call_id,) in database.execute("SELECT id FROM cdr ORDER BY ended")]
    except sqlite3.OperationalError:
        return []  # its tables are being made
    finally:
        database.close()


def calls(edge: Edge, sipp: Sipp, count: int) -> list[str]:
    """Make so many calls, one by one; their ids."""
    before = len(edge.events(name="call.ended"))
    for number in range(count):
        sipp.run("uac_call", edge.address, pause_ms=300)
        edge.wait_event("call.ended", count=before + number + 1)
    return [event["call_id"] for event in edge.events(name="call.ended")][before:]


def cdr(directory: Path, *words: str) -> str:
    command: Sequence[str | Path] = [
        *(sys.executable, "-m", "sipua", "cdr", *words, "--directory", directory)
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_call_has_a_row_that_the_command_finds(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    edge = edge_factory({"cdr": {"directory": tmp_path}, "edge": {"name": "berlin"}})
    (call_id,) = calls(edge, sipp, 1)
    wait_until(lambda: stored(tmp_path), 10, "the row in the database")
    (row,) = rows(tmp_path)
    (told,) = edge.events(name="call.ended")
    assert (row.id, row.node, row.status) == (call_id, "berlin", "completed")
    assert (row.end.by, row.end.reason, row.end.fault) == ("caller", "hangup", None)
    assert row.talk_ms == round(told["duration_s"] * 1000)
    assert row.media is not None
    assert row.media.codec == "PCMU"
    assert row.media.sent == told["rtp"]["sent"]
    assert row.engine is not None
    assert row.engine.sessions == 1
    assert row.ringing is not None
    assert row.began <= row.ringing <= (row.answered or "") < row.ended
    listed = cdr(tmp_path, "ls", "--since", "1h", "--status", "completed")
    assert call_id in listed
    assert "caller: hangup" in listed
    assert cdr(tmp_path, "ls", "--fault", "network") == "no calls\n"
    head, line = cdr(tmp_path, "export", "--csv").splitlines()
    assert line.split(",")[head.split(",").index("id")] == call_id


def test_D1_a_locked_database_delays_no_call_and_gets_the_backlog(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    edge = edge_factory({"cdr": {"directory": tmp_path}})
    first = calls(edge, sipp, 1)
    wait_until(lambda: stored(tmp_path) == first, 10, "the first row")
    database = sqlite3.connect(tmp_path / "cdr.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")  # another program, which hangs in its transaction
    try:
        others = calls(edge, sipp, 2)
        edge.wait_event("cdr.sink_down", timeout_s=20)
        assert [row.id for row in rows(tmp_path)] == first + others
        # Read from the files, because the database lags.
        assert all(call_id in cdr(tmp_path, "ls") for call_id in others)
    finally:
        database.execute("ROLLBACK")
        database.close()
    wait_until(lambda: stored(tmp_path) == first + others, 40, "the backlog")
    edge.wait_event("cdr.sink_back")
    setups = [event["setup_ms"] for event in edge.events(name="call.answered")]
    assert max(setups) < 5000, "no call has waited for the database"


def test_D1_killed_between_row_and_position_nothing_is_missed_or_twice(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    edge = edge_factory({"cdr": {"directory": tmp_path}})
    first = calls(edge, sipp, 2)
    wait_until(lambda: stored(tmp_path) == first, 10, "the rows")
    edge.kill()
    (tmp_path / ".sqlite.position").write_text("{}")  # as it was before the rows
    edge.start()
    others = calls(edge, sipp, 1)
    wait_until(lambda: len(stored(tmp_path)) >= 3, 20, "the last row")
    assert stored(tmp_path) == first + others
    assert [row.id for row in rows(tmp_path)] == first + others


def test_D1_a_disk_without_room_is_said_and_calls_go_on(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    room = tmp_path / "cdr"
    room.write_text("a file in the place of the directory")
    edge = edge_factory({"cdr": {"directory": room}})
    made = calls(edge, sipp, 2)
    edge.wait_event("cdr.failed")
    statuses = {event["status"] for event in edge.events(name="call.ended")}
    assert statuses == {"completed"}
    room.unlink()
    wait_until(lambda: [row.id for row in rows(room)] == made, 10, "all rows")
    edge.wait_event("cdr.written_again")
