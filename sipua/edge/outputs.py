"""What the edge's events are made into for other systems: call records, webhooks, metrics.

Each begins before the first call and ends behind the last event. What is not configured is not
imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from sipua.config import Config
from sipua.edge.engine_health import Attempt
from sipua.edge.reload.webhooks import WebhooksInUse
from sipua.edge.wiring import wiring
from sipua.events.stream import EventStream
from sipua.outputs.cdr.call_records import CallRecords


class Output(Protocol):
    """Both methods are called on the edge's loop; `stop` also where `start` has failed, or was
    never called."""

    async def start(self) -> None:
        """Raises OutputError."""

    async def stop(self) -> None: ...

    def use(self, config: Config) -> None:
        """Another configuration is in force; what it cannot take needs a restart."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an output may read of the edge."""

    events: EventStream
    workers: Callable[[], Sequence[Mapping[str, int]]]
    """The newest figures of each worker."""
    ports: Callable[[], Mapping[str, int]]
    watch_engines: Callable[[Attempt], None]


def outputs(config: Config, source: Source) -> list[Output]:
    found: list[Output] = [CallRecords(wiring.call_records(config), source.events)]
    found.append(WebhooksInUse(config, source.events))
    if config.metrics.enabled:
        from sipua.outputs.metrics.metrics import Metrics  # noqa: PLC0415 - as above

        metrics = Metrics(config, source.events, source.workers, source.ports)
        source.watch_engines(metrics.engine_tried)
        found.append(metrics)
    return found


async def start(found: Sequence[Output], started: AsyncExitStack) -> None:
    """Raises OutputError."""
    for output in found:
        started.push_async_callback(output.stop)
        await output.start()
