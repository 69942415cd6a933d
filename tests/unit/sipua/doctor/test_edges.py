"""What edges leave for doctor, and what it makes of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sipua.doctor import edges
from sipua.doctor.edges import EdgeState, WorkerState
from sipua.doctor.findings import Level

DEAD = 2**22 + 1  # above the highest pid of Linux
US = os.getpid()
FINE, FELL = WorkerState(1, True, 0, ""), WorkerState(2, True, 3, "killed by signal 9")
GONE = WorkerState(2, False, 5, "it ended with exit code 7")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(edges, "_runs", lambda pid: pid == US)
    return tmp_path / "sipua"


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (EdgeState(US, (FINE,)), Level.OK, "1 of 1 workers up"),
        (EdgeState(US, (FINE, FELL)), Level.WARN, "worker 2 died 3 times, the last time: killed"),
        (EdgeState(US, (GONE,)), Level.ERROR, "0 of 1 workers up; worker 2 died 5 times"),
        (EdgeState(DEAD, (GONE,), hopeless=True), Level.ERROR, "it has ended: no worker lived"),
    ],
)
def test_H10_deaths_are_told(state: EdgeState, level: Level, words: str) -> None:
    edges.write(state)
    (finding,) = edges.findings()
    assert (finding.level, finding.name) == (level, f"edge {state.pid}")
    assert words in finding.value
    assert bool(finding.advice) == (level is not Level.OK)


def test_an_edge_that_was_killed_says_nothing_and_is_cleared_away(home: Path) -> None:
    edges.write(EdgeState(DEAD, (FINE,)))
    edges.write(EdgeState(US, (FINE,)))
    assert [finding.name for finding in edges.findings()] == [f"edge {US}"]
    edges.clear_the_dead()
    assert [path.name for path in home.iterdir()] == [f"edge-{US}.json"]
    edges.remove(US)
    assert edges.findings() == []


def test_nobody_else_can_read_or_write_there(home: Path) -> None:
    edges.write(EdgeState(US, (FINE,)))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_that_leads_elsewhere_is_not_used(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.symlink_to(tmp_path / "elsewhere")
    edges.write(EdgeState(US, (FINE,)))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert edges.findings() == []


@pytest.mark.parametrize("data", [b"", b"{}", b'{"pid":1', b"[]", b"\xff"])
def test_a_file_that_cannot_be_read_is_none(home: Path, data: bytes) -> None:
    home.mkdir(mode=0o700)
    (home / "edge-1.json").write_bytes(data)
    assert edges.findings() == []


def test_a_cause_with_a_path_that_is_no_text_is_written() -> None:
    died = WorkerState(1, up=False, deaths=1, cause="tools.failed: /opt/caf\udce9.py")
    edges.write(EdgeState(US, (died,)))
    (found,) = edges.findings()
    assert "/opt/caf" in found.value
    found.value.encode()
