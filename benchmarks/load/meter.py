"""What each process of a load takes while it talks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from sipua.bench.common import usage
from sipua.bench.common.cores import Layout, layout
from sipua.bench.common.errors import BenchError
from sipua.bench.load.edge import RTP_PORTS
from sipua.bench.results.result import Process

BESIDES = ("callers", "engine")
"""Processes of the benchmark: their work is not the edge's."""


class Meter:
    """Between `begin` and `end`."""

    def __init__(self, edge: Mapping[str, int], *, callers: int, engine: int) -> None:
        """The edge's processes by name, and the benchmark's own: process numbers."""
        self._pids = {**edge, "callers": callers, "engine": engine}
        self._cpu_s: dict[str, float] = {}
        self._began_s = 0.0

    def pin(self, workers: int) -> str:
        """Give each process its core; says how, or why not."""
        usable = os.sched_getaffinity(0)
        found = layout(usable, workers)
        if found is None:
            return (
                f"not pinned: {workers} workers need more than {len(usable)} cores, one each and "
                "one for callers and engine, which now share the workers'"
            )
        for name, pid in self._pids.items():
            usage.pin(pid, frozenset({_core(name, found)}))
        return found.words()

    def begin(self) -> None:
        self._began_s = time.monotonic()
        self._cpu_s = {name: self._read(name).cpu_s for name in self._pids}

    def end(self) -> tuple[Process, ...]:
        """Raises BenchError when a process is gone: its calls are, too."""
        seconds = time.monotonic() - self._began_s
        return tuple(self._process(name, seconds) for name in self._pids)

    def memory_mb(self) -> float:
        """Of all processes of the edge, shared pages once."""
        return sum(self._read(name).pss_mb for name in self._pids if name not in BESIDES)

    def _process(self, name: str, seconds: float) -> Process:
        now = self._read(name)
        percent = 100 * (now.cpu_s - self._cpu_s[name]) / seconds
        # The edge's process may hold sockets, too: it reserves them.
        calls = sum(port % 2 == 0 for port in now.ports) if name.startswith("worker") else 0
        return Process(
            name=name,
            cores=len(os.sched_getaffinity(self._pids[name])),
            calls=calls,
            cpu_percent=round(percent, 2),
            cpu_us_per_frame=round(percent * 200 / calls, 1) if calls else 0.0,
            memory_mb=round(now.pss_mb, 1),
        )

    def _read(self, name: str) -> usage.Usage:
        try:
            return usage.usage(self._pids[name], RTP_PORTS)
        except OSError:
            raise BenchError(f"the process `{name}` has ended during the load") from None


def _core(name: str, found: Layout) -> int:
    match name.split():
        case ["worker", number]:
            return found.workers[int(number) - 1]
        case ["callers"]:
            return found.callers
        case ["engine"]:
            return found.agent
        case _:
            return found.edge
