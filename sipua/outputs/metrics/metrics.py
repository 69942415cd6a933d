"""The metrics of an edge: counted on its loop, given to Prometheus on a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.outputs.errors import OutputError
from sipua.outputs.metrics import names
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import Page
from sipua.outputs.metrics.listener import Listener
from sipua.outputs.metrics.sampling import Sampling, Views
from sipua.outputs.metrics.series import Series
from sipua.process.side_loop import SideLoop


class Metrics:
    """All methods are called on the edge's loop."""

    def __init__(self, config: Config, events: EventStream, views: Views) -> None:
        known = names.names(config)
        self._series = series = Series(known)
        counting = Counting(series, known)
        self.engine_tried = counting.engine_tried
        # From here on: what happens at the start counts, too.
        self._unsubscribe = events.subscribe(counting.read)
        self._sampling = Sampling(series, known, views)
        self._families = series.families()
        section = config.metrics
        self._listener = Listener(Page(self._families), section.host, section.port)
        self._side = SideLoop("metrics")
        self._samplers: list[asyncio.Task[None]] = []

    def use(self, config: Config) -> None:
        """It was reloaded: its names are known from now on."""
        self._series.learn(names.names(config))

    def page(self) -> Callable[[str, float], tuple[str, bytes]]:
        """For another thread that serves it; see `Page.text`."""
        return Page(self._families).text

    async def start(self) -> None:
        """Raises OutputError."""
        try:
            address = await self._side.run(self._listener.open())
        except OSError as error:
            fix = "`metrics.host`, `metrics.port`"
            raise OutputError("metrics.cannot_listen", str(error), fix) from error
        faults = FaultOwner("metrics.failed", logs.get(), nothing)
        self._samplers = [
            faults.task(self._sampling.watch_loop(), "metrics, loop"),
            faults.task(self._sampling.watch_state(), "metrics, state"),
        ]
        logs.get().info("metrics.listening", url=f"http://{address}/metrics")

    async def stop(self) -> None:
        self._unsubscribe()
        if self._samplers:
            for sampler in self._samplers:
                sampler.cancel()
            await self._side.run(self._listener.close())
        await self._side.close()
