"""What no event tells, seen from the loop of the edge: lag, memory, tasks, ports, workers."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sipua.outputs.metrics.series import Series

LAG_EVERY_S = 0.25
STATE_EVERY = 8
"""Looks at the lag for one at the rest."""


class Sampling:
    def __init__(
        self,
        series: Series,
        workers: Callable[[], Sequence[Mapping[str, int]]],
        ports: Callable[[], Mapping[str, int]],
    ) -> None:
        """`workers`: what each that runs has; `ports`: those in use and at rest."""
        self._series = series
        self._workers = workers
        self._ports = ports

    async def run(self) -> None:
        """Never ends."""
        self._series.start_time.set(time.time())
        looks = 0
        while True:
            if looks % STATE_EVERY == 0:
                self._look()
            looks += 1
            due = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._series.loop_lag.observe(max(0.0, time.monotonic() - due))

    def _look(self) -> None:
        series = self._series
        workers = self._workers()
        series.workers_up.set(len(workers))
        series.memory.set(_own_memory(), "edge")
        series.memory.set(sum(worker["memory_mb"] for worker in workers) * 1e6, "workers")
        series.tasks.set(len(asyncio.all_tasks()), "edge")
        series.tasks.set(sum(worker["tasks"] for worker in workers), "workers")
        ports = self._ports()
        for state in ("in_use", "resting"):
            series.ports.set(ports[state], state)


def _own_memory() -> int:
    """0: not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()
