"""The metrics of an edge: counted on its loop, given to Prometheus on a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.outputs.errors import OutputError
from sipua.outputs.metrics import names
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.listener import Listener
from sipua.outputs.metrics.sampling import Sampling
from sipua.outputs.metrics.series import Series
from sipua.process.side_loop import SideLoop


class Metrics:
    """All methods are called on the edge's loop."""

    def __init__(
        self,
        config: Config,
        events: EventStream,
        workers: Callable[[], Sequence[Mapping[str, int]]],
        ports: Callable[[], Mapping[str, int]],
    ) -> None:
        known = names.names(config)
        self.series = Series(known)
        counting = Counting(self.series, known)
        self.engine_tried = counting.engine_tried
        # From here on: what happens at the start counts, too.
        self._unsubscribe = events.subscribe(counting.read)
        self._sampling = Sampling(self.series, workers, ports)
        section = config.metrics
        self._listener = Listener(self.series.families(), section.host, section.port)
        self._side = SideLoop("metrics")
        self._sampler: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises OutputError."""
        try:
            address = await self._side.run(self._listener.open())
        except OSError as error:
            fix = "`metrics.host`, `metrics.port`"
            raise OutputError("metrics.cannot_listen", str(error), fix) from error
        faults = FaultOwner("metrics.failed", logs.get(), nothing)
        self._sampler = faults.task(self._sampling.run(), "metrics sampling")
        logs.get().info("metrics.listening", url=f"http://{address}/metrics")

    def use(self, config: Config) -> None:
        """Names that are new count as `other`: a series has the labels that it began with."""

    async def stop(self) -> None:
        self._unsubscribe()
        if self._sampler is not None:
            self._sampler.cancel()
            await self._side.run(self._listener.close())
        await self._side.close()
