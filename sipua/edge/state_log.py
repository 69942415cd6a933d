"""The line `edge.state` of the log: what the edge and its workers hold, so that growth is seen.

It is written at intervals, and only when something has changed: an idle edge is silent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.workers.workers import Workers
from sipua.log import logs
from sipua.rtp.ports import PortPool

_LOOK_S = 5.0


class StateLog:
    def __init__(
        self, every_s: Callable[[], float], calls: EdgeCalls, ports: PortPool, workers: Workers
    ) -> None:
        self._every_s = every_s
        self._calls = calls
        self._ports = ports
        self._workers = workers
        self._log = logs.get()

    async def run(self) -> None:
        """Never ends. `every_s` may change meanwhile; 0: nothing is written."""
        told: dict[str, object] = {}
        written = time.monotonic()
        while True:
            await asyncio.sleep(min(_LOOK_S, self._every_s() or _LOOK_S))
            every_s, now = self._every_s(), time.monotonic()
            if not every_s or now < written + every_s:
                continue
            written = now
            if (state := self._state()) != told:
                self._log.info("edge.state", **state)
                told = state

    def _state(self) -> dict[str, object]:
        ports = self._ports.stats()
        return {
            "calls": len(self._calls),
            "ports": ports["in_use"],
            "ports_resting": ports["resting"],
            "tasks": len(asyncio.all_tasks()),
            "workers": self._workers.counts(),
        }
