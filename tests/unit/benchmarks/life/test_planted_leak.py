"""H5: a process that keeps a little of each call is seen by what a life reads and judges by."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sipua.bench.results import soak_verdict
from sipua.bench.results.soak import Life
from sipua.bench.soak.readings import Readings, rests

# One line is a call; it is answered when what is kept of it is kept.
KEEPS = """
import sys
kept = []
for line in sys.stdin:
    kept.append({0})
    print(flush=True)
"""
SAMPLES, CALLS_EACH = 60, 20


class Leaking:
    """In the place of an edge: one process, and no state."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process

    def processes(self) -> dict[str, int]:
        return {"edge": self.pid}

    def state(self) -> dict[str, Any]:
        return {"calls": 0, "tasks": 3}

    def faults(self) -> dict[str, int]:
        return {}

    def calls(self, count: int) -> None:
        assert self._process.stdin
        assert self._process.stdout
        for _ in range(count):
            self._process.stdin.write("call\n")
        self._process.stdin.flush()
        for _ in range(count):
            self._process.stdout.readline()


@contextmanager
def leaking(kept: str) -> Iterator[Leaking]:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPS.replace("{0}", kept)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        edge = Leaking(process)
        edge.calls(1)  # it has begun
        yield edge


def lived(kept: str) -> Life:
    with leaking(kept) as edge:
        readings = Readings(edge)  # type: ignore[arg-type] # all that is asked of it
        before = readings.rest(20)
        began_s = time.monotonic()
        for number in range(SAMPLES):
            edge.calls(CALLS_EACH)
            readings.sample(time.monotonic() - began_s, number * CALLS_EACH, 0)
        return Life(
            calls=50,
            workers=1,
            kinds={"talk": (SAMPLES * CALLS_EACH, SAMPLES * CALLS_EACH, 0)},
            happened={},
            warm_up_calls=300,
            faults={},
            logged={},
            at_s=tuple(readings.at_s),
            ended=tuple(readings.ended),
            up=tuple(readings.up),
            samples=readings.samples(),
            slopes=readings.slopes(300),
            rests=rests(before, readings.rest(20)),
        )


@pytest.mark.parametrize(
    ("kept", "figures"),
    [
        ("bytes(4000)", {"memory (PSS)", "memory (RSS)"}),
        ("open('/dev/null')", {"descriptors"}),
        ("None", set()),
    ],
)
def test_H5_what_is_kept_of_each_call_is_seen(kept: str, figures: set[str]) -> None:
    life = lived(kept)
    verdict = soak_verdict.judge_life(life)
    bad = {check.name for check in verdict.checks if check.grade == "bad"}
    assert bad >= figures, verdict.checks
    assert life.failed is bool(bad)
    if not figures:
        assert bad == set(), verdict.checks
        assert verdict.edge == "good"
