"""Tests of calls in real time, and a machine that stops for a moment.

A small process wakes up every few milliseconds and writes down when it was woken too late: then no
process of a call could send or receive in time either. A test that fails in such a moment has
judged the machine; it runs again, with what it shares with others of its file, and the summary says
so. What fails while the machine was in time has failed. For a test that judges sound frame by frame
a frame is too late; other calls bear more.

That process sleeps nearly all the time, and is woken before those that work. On a machine whose
cores are all busy a worker may wait for 40 ms while it is in time. So a worker's own word counts as
well: the frames whose time it left out because it was not woken (`call.ended`, `cadence`).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from support.process import Child

REPEATED = "repeated on a late machine"

_WATCH = """
import sys, time
while True:
    due = time.monotonic() + 0.005
    time.sleep(0.005)
    now = time.monotonic()
    if now - due > float(sys.argv[1]) / 1000:
        print(now, round(1000 * (now - due)), flush=True)
"""


@dataclass(frozen=True)
class Bound:
    late_ms: int
    """From here on the machine was too late for such a test."""
    most_runs: int


SOUND = Bound(20, 3)
"""A frame of audio."""
CALLS = Bound(100, 2)
"""No peer waits for so little: such a moment is the machine's, and not a busy one's."""


_FRAME_MS = 20
_edges: list[tuple[float, Path]] = []
"""When each began, and its log."""


def listen_to(log: Path) -> None:
    """Of an edge that begins now."""
    _edges.append((time.monotonic(), log))


def left_out_ms(since_s: float) -> int:
    """The most that a call of an edge that began since then has left out."""
    logs = [log for began_s, log in _edges if began_s >= since_s and log.exists()]
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    frames = [_left_out(line) for line in lines if '"call.ended"' in line]
    return _FRAME_MS * max(frames, default=0)


class LateMachine:
    """Of one process of the tests; its watcher begins with the first test that needs it."""

    def __init__(self) -> None:
        self._watcher: Child | None = None
        self._held = ExitStack()
        self._began_s: dict[str, float] = {}
        """When the first test of each group began: with what they share, such as a call."""

    def watch(self) -> None:
        if self._watcher is None:
            home = self._held.enter_context(tempfile.TemporaryDirectory())
            command = [sys.executable, "-S", "-c", _WATCH, str(SOUND.late_ms)]
            self._watcher = Child(command, Path(home) / "log")
            self._held.callback(self._watcher.kill)

    def close(self) -> None:
        self._held.close()

    def worst_ms(self, since_s: float) -> int:
        """How late it was at most since then (time.monotonic); 0: in time."""
        assert self._watcher is not None
        lines = self._watcher.log.read_text().splitlines()
        return max((ms for at_s, ms in map(_read, lines) if at_s >= since_s), default=0)

    def run(
        self, item: pytest.Item, nextitem: pytest.Item | None, bound: Bound
    ) -> list[pytest.TestReport]:
        """Its reports, those of the last run."""
        self.watch()
        notes: list[tuple[str, object]] = []
        group = item.get_closest_marker("xdist_group")
        name = str(group.args[0]) if group else item.nodeid
        while True:
            began_s = self._began_s.setdefault(name, time.monotonic())
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            judged = any(_judged(one) for one in reports)
            worst_ms = max(self.worst_ms(began_s), left_out_ms(began_s) if judged else 0)
            if judged and worst_ms >= bound.late_ms:
                notes.append((REPEATED, f"{item.nodeid}: {worst_ms} ms late"))
                if len(notes) < bound.most_runs:
                    del self._began_s[name]
                    item.session._setupstate.teardown_exact(None)  # what it shares begins anew
                    continue
            break
        for report in reports:
            if report.when == "call":
                report.user_properties.extend(notes)
        return reports


def told(reports: list[pytest.TestReport]) -> Iterator[str]:
    for report in reports:
        for name, text in report.user_properties:
            if name == REPEATED:
                yield str(text)


def _left_out(line: str) -> int:
    try:
        cadence = json.loads(line)["cadence"]
    except (ValueError, KeyError):  # no JSON, not written to its end, without audio
        return 0
    return int(cadence.get("skipped_frames", 0))


def _judged(report: pytest.TestReport) -> bool:
    """A set-up that failed has judged nothing."""
    return report.when == "call" and report.failed


def _read(line: str) -> tuple[float, int]:
    at_s, ms = line.split()
    return float(at_s), int(ms)
