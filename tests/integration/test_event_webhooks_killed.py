"""W1: `kill -9` at each step of a delivery, and what the next run makes of it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sipua.outputs.hooks import reading
from sipua.outputs.hooks.spool import database_file
from support.calls.hook_child import STEPS
from support.calls.hook_receiver import in_order, verified
from support.calls.hook_server import HookServer, answer

TESTS = Path(__file__).parents[1]
EVENTS = 40


def run(home: Path, url: str, step: str, count: int, events: int) -> int:
    """Its exit status."""
    command = [sys.executable, "-m", "support.calls.hook_child"]
    command += [str(home), url, step, str(count), str(events)]
    done = subprocess.run(command, cwd=TESTS, timeout=60, check=False, capture_output=True)
    return done.returncode


def kept(home: Path) -> set[int]:
    """The numbers of the events on disk."""
    database = sqlite3.connect(database_file(home))
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute("SELECT document FROM event").fetchall()
    finally:
        database.close()
    return {json.loads(document)["data"]["number"] for (document,) in rows}


@pytest.mark.parametrize("count", [2, 9])
@pytest.mark.parametrize("step", STEPS)
def test_W1_killed_at_a_step_what_was_on_disk_arrives_in_order(
    tmp_path: Path, step: str, count: int
) -> None:
    home = tmp_path / "spool"
    with HookServer([answer(200), answer(500), answer(200)]) as server:
        assert run(home, server.url, step, count, EVENTS) == -signal.SIGKILL
        before = {event["data"]["number"] for event in verified(server.requests)}
        waiting = kept(home)
        assert run(home, server.url, "never", 0, 0) == 0
        events = verified(server.requests)
    numbers = {event["data"]["number"] for event in events}
    assert numbers == before | waiting
    # What was taken from memory before the kill is all there, without a hole: the disk comes first.
    assert numbers == set(range(len(numbers)))
    assert in_order(events)
    assert reading.endpoints(home) == []
