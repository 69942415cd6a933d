"""The line `edge.state` of the log: what the edge and its workers hold, so that growth is seen.

It is written at intervals, and only when something has changed: an idle edge is silent.
"""

from __future__ import annotations

import asyncio

from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.workers.workers import Workers
from sipua.log import logs
from sipua.rtp.ports import PortPool


class StateLog:
    def __init__(self, every_s: float, calls: EdgeCalls, ports: PortPool, workers: Workers) -> None:
        self._every_s = every_s
        self._calls = calls
        self._ports = ports
        self._workers = workers
        self._log = logs.get()

    async def run(self) -> None:
        """Never ends; `every_s` is not 0."""
        told: dict[str, object] = {}
        while True:
            await asyncio.sleep(self._every_s)
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
