"""What the edge's events are made into for other systems: call records, webhooks, metrics, HEP.

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
from sipua.edge.wiring import hooks, wiring
from sipua.events.stream import EventStream
from sipua.outputs.cdr.call_records import CallRecords
from sipua.outputs.hep.seen import RtcpSeen
from sipua.rtp.events import Address
from sipua.sip.messages import SipMessage


class Output(Protocol):
    """Both methods are called on the edge's loop; `stop` also where `start` has failed, or was
    never called."""

    async def start(self) -> None:
        """Raises OutputError."""

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """What an output may read of the edge."""

    events: EventStream
    workers: Callable[[], Sequence[Mapping[str, int]]]
    """The newest figures of each worker."""
    ports: Callable[[], Mapping[str, int]]
    watch_engines: Callable[[Attempt], None]
    watch_sip: Callable[[Callable[[SipMessage], None]], None]
    watch_rtcp: Callable[[Callable[[RtcpSeen], None]], None]
    local_address: Callable[[str, str], Address]
    """Of ours, as it is seen by transport and peer; any thread may ask."""


def outputs(config: Config, source: Source) -> list[Output]:
    found: list[Output] = [CallRecords(wiring.call_records(config), source.events)]
    webhooks = hooks.hooks(config)
    if webhooks is not None:
        from sipua.outputs.hooks.webhooks import Webhooks  # noqa: PLC0415 - its imports take 0.2 s

        found.append(Webhooks(webhooks, source.events))
    if config.metrics.enabled:
        from sipua.outputs.metrics.metrics import Metrics  # noqa: PLC0415 - as above

        metrics = Metrics(config, source.events, source.workers, source.ports)
        source.watch_engines(metrics.engine_tried)
        found.append(metrics)
    hep = wiring.hep(config)
    if hep is not None:
        from sipua.outputs.hep.hep import Hep  # noqa: PLC0415 - as above

        homer = Hep(hep, source.events, source.local_address)
        source.watch_sip(homer.take_sip)
        source.watch_rtcp(homer.take_rtcp)
        found.append(homer)
    return found


async def start(found: Sequence[Output], started: AsyncExitStack) -> None:
    """Raises OutputError."""
    for output in found:
        started.push_async_callback(output.stop)
        await output.start()
