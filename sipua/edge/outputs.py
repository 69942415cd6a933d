"""What goes from the edge to other systems: events as call records, webhooks, traces, metrics and
HEP, its state to systemd, and recordings to S3; and campaigns, which go on by events.

Each begins before the first call and ends behind the last event. What is not configured is not
imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sipua.campaigns.attempts import Places
from sipua.campaigns.runner import CampaignRunner
from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.edge.engine_health import Attempt
from sipua.edge.reload.webhooks import WebhooksInUse
from sipua.edge.wiring import outbound, recording, traces, wiring
from sipua.edge.workers.workers import Workers
from sipua.events.stream import EventStream
from sipua.outputs.audit.audit import Audit
from sipua.outputs.cdr.call_records import CallRecords
from sipua.outputs.hep.seen import RtcpSeen
from sipua.outputs.service_manager import ServiceManager, service_manager
from sipua.queue.queues import QueueState
from sipua.rtp.events import Address
from sipua.sip.messages import SipMessage

if TYPE_CHECKING:
    from sipua.outputs.hep.hep import Hep
    from sipua.outputs.metrics.metrics import Metrics
    from sipua.outputs.metrics.sampling import Views
    from sipua.outputs.traces.traces import Traces
    from sipua.recording.s3.uploads import Uploads


class Output(Protocol):
    """Both methods are called on the edge's loop; `stop` also where `start` has failed, or was
    never called."""

    async def start(self) -> None:
        """Raises OutputError."""

    async def stop(self) -> None: ...


class Signalling(Protocol):
    def local_address(self, transport: str, peer_host: str) -> Address:
        """Of ours, as the peer sees it; any thread may ask."""
        ...

    def held(self) -> Mapping[str, int]:
        """Transactions and dialogs."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """What an output may read of the edge."""

    in_force: InForce
    events: EventStream
    workers: Workers
    ports: Callable[[], Mapping[str, int]]
    watch_engines: Callable[[Attempt], None]
    watch_sip: Callable[[Callable[[SipMessage], None]], None]
    watch_rtcp: Callable[[Callable[[RtcpSeen], None]], None]
    queues: Callable[[], Iterable[QueueState]]
    sip: Signalling
    places: Places
    """Places calls."""


@dataclass(slots=True)
class Outputs:
    call_records: CallRecords
    webhooks: WebhooksInUse
    campaigns: CampaignRunner
    audit: Audit | None = None
    service_manager: ServiceManager | None = None
    traces: Traces | None = None
    metrics: Metrics | None = None
    hep: Hep | None = None
    uploads: Uploads | None = None

    def __iter__(self) -> Iterator[Output]:
        own = (self.audit, self.service_manager, self.campaigns)
        others = (self.traces, self.metrics, self.hep, self.uploads)
        found = (self.call_records, self.webhooks, *own, *others)
        yield from (output for output in found if output is not None)

    def learn(self, config: Config) -> None:
        """It was reloaded."""
        self.campaigns.use(outbound.policy(config))
        if self.metrics is not None:
            self.metrics.use(config)


def outputs(config: Config, source: Source) -> Outputs:
    records = CallRecords(wiring.call_records(config), source.events)
    campaigns = CampaignRunner(
        outbound.directory(config),
        outbound.policy(config),
        source.places,
        source.events,
        made_by_api=config.api.enabled,
    )
    found = Outputs(records, WebhooksInUse(config, source.events), campaigns)
    found.service_manager = service_manager(
        os.environ,
        source.events,
        lambda: sum(counts["calls"] for counts in source.workers.counts()),
    )
    if config.audit.enabled:
        found.audit = Audit(wiring.audit_directory(config), source.events, _changes(source))
    tracing = traces.traces(config)
    if tracing is not None:
        from sipua.outputs.traces.traces import Traces  # noqa: PLC0415 - its library is an extra

        found.traces = Traces(tracing, source.events)
    if config.metrics.enabled:
        from sipua.outputs.metrics.metrics import Metrics  # noqa: PLC0415 - as above

        found.metrics = Metrics(config, source.events, _views(source, found))
        source.watch_engines(found.metrics.engine_tried)
    hep = wiring.hep(config)
    if hep is not None:
        from sipua.outputs.hep.hep import Hep  # noqa: PLC0415 - as above

        found.hep = Hep(hep, source.events, source.sip.local_address)
        source.watch_sip(found.hep.take_sip)
        source.watch_rtcp(found.hep.take_rtcp)
    s3 = recording.s3_settings(config)
    if s3 is not None:
        from sipua.recording.s3.uploads import Uploads  # noqa: PLC0415 - as above

        found.uploads = Uploads(s3, source.events)
    return found


def _changes(source: Source) -> Callable[[], list[Mapping[str, str | None]]]:
    """Of the last reload, for the audit log."""

    def changes() -> list[Mapping[str, str | None]]:
        last = source.in_force.now.last.changes
        return [
            {"key": one.key, "old": one.old, "new": one.new, "when": one.when.value} for one in last
        ]

    return changes


def _views(source: Source, found: Outputs) -> Views:
    from sipua.outputs.metrics.sampling import SinkState, Views, WebhookState  # noqa: PLC0415 - as above

    def sinks() -> Iterator[SinkState]:
        now = time.monotonic()
        for sink in found.call_records.sinks:
            yield SinkState(sink.name, sink.lag_s(now), sink.behind_bytes)

    def webhooks() -> Iterator[WebhookState]:
        for one in found.webhooks.endpoints:
            yield WebhookState(
                one.name,
                up=one.up,
                waiting=one.queue.waiting,
                dead_bytes=one.dead_bytes,
                dropped=one.dropped_in_all,
                attempts=dict(one.attempts),
            )

    def hep() -> Mapping[str, int]:
        return {} if found.hep is None else found.hep.counts()

    workers = source.workers
    return Views(
        workers.counts,
        workers.figures,
        source.ports,
        sinks,
        webhooks,
        hep,
        source.queues,
        source.sip.held,
    )


async def start(found: Outputs, started: AsyncExitStack) -> None:
    """Raises OutputError."""
    for output in found:
        started.push_async_callback(output.stop)
        await output.start()
