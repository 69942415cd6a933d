"""The traces of an edge, put together.

    edge's loop:  an event ──▶ Stories (an append) ──call.ended──▶ Backlog
    side loop:    Backlog ──▶ spans ──▶ OTLP ──▶ the collector

A collector that is down costs a backlog of a bounded size. What it does not take is tried again;
the oldest calls make room, are counted, and told once a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from sipua.bridge.backoff import doubled_s, less_by_chance
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.events.stream import EventStream, Happened
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.outputs.traces import call_spans, otlp
from sipua.outputs.traces.backlog import Backlog
from sipua.outputs.traces.sender import Outcome, Sender
from sipua.outputs.traces.settings import TraceSettings
from sipua.outputs.traces.span import Trace
from sipua.outputs.traces.story import Stories, Story
from sipua.process.side_loop import SideLoop

_GATHER_S: Final = 0.25
"""For calls that end together."""
_MOST_IN_A_REQUEST: Final = 50
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_LONGEST_ASKED_S: Final = 300.0
"""By `Retry-After`."""
_TELL_EVERY_S: Final = 60.0
_LAST_S: Final = 2.0
"""For what can still be sent when the edge ends."""
FIX: Final = "`traces.endpoint`, `traces.headers`: is the collector up? docs/traces.md"


class Traces:
    """The edge's loop calls `start`, `stop` and `on_event`, the side loop everything else."""

    def __init__(self, settings: TraceSettings, events: EventStream) -> None:
        self._settings = settings
        self._events = events
        self._stories = Stories(private=settings.private)
        self._backlog = Backlog()
        self._side = SideLoop("traces")
        self._sender = Sender(settings)
        self._done: Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], None] = nothing
        self._wake = asyncio.Event()
        self._stopping = False
        self._stop_by_s = float("inf")
        self._failing = False
        self._lost: Counter[str] = Counter()
        """Calls that the collector will never get, and that are not told yet: why."""
        self._missed_told = 0
        self._complaints = Throttle(_TELL_EVERY_S)
        self._faults = FaultOwner("traces.failed_inside", logs.get(), nothing)

    # --- the edge's loop --------------------------------------------------------------------

    async def start(self) -> None:
        self._unsubscribe = self._events.subscribe(self.on_event)
        self._done = self._side.submit(self._run())

    async def stop(self) -> None:
        """Behind the last event."""
        self._unsubscribe()
        if self._done is None:
            return
        self._stop_by_s = time.monotonic() + _LAST_S
        self._stopping = True
        self._wake_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S + 2.0):
                await asyncio.wrap_future(self._done)
        await self._side.close()

    def on_event(self, happened: Happened) -> None:
        story = self._stories.feed(happened.told)
        if story is not None:
            self._backlog.put(story)
            self._wake_up()

    def _wake_up(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    # --- the side loop ----------------------------------------------------------------------

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake.set()  # for what came before that
        try:
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                if not self._stopping:
                    await asyncio.sleep(_GATHER_S)
                    await self._send_all()
            await self._send_all()
        finally:
            self._lost["edge_ended"] += len(self._backlog)
            self._tell_lost(at_once=True)
            await self._sender.close()

    async def _send_all(self) -> None:
        """What waits; when the edge ends, for a bounded time."""
        while not self._out_of_time() and (stories := self._backlog.take(_MOST_IN_A_REQUEST)):
            traces = self._built(stories)
            if traces:
                await self._deliver(traces)
            self._count_lost()

    def _built(self, stories: Sequence[Story]) -> list[Trace]:
        found = []
        for story in stories:
            try:
                trace = call_spans.spans(story, private=self._settings.private)
            except Exception as error:  # noqa: BLE001 (a bug of ours costs one call's trace)
                self._faults.failed(f"trace of {story.trace.call_id}", error)
                trace = None
            if trace is None:
                self._lost["internal_error"] += 1
            else:
                found.append(trace)
        return found

    async def _deliver(self, traces: Sequence[Trace]) -> None:
        """Until it is taken, refused for good, or the edge has ended."""
        body = otlp.request(self._settings.resource, traces)
        attempts = 0
        while True:
            outcome = await self._sender.send(body)
            attempts += 1
            if outcome.ok:
                self._taken(outcome)
                return
            self._failing = True
            if not outcome.again:
                self._lost["refused"] += len(traces)
                self._tell_failing(outcome.cause)
                return
            self._count_lost()
            self._tell_failing(outcome.cause, waiting=len(traces))
            await self._pause(self._pause_s(attempts, outcome))
            if self._out_of_time():
                self._lost["edge_ended"] += len(traces)
                return

    def _pause_s(self, attempts: int, outcome: Outcome) -> float:
        pause_s = doubled_s(_FIRST_PAUSE_S, attempts - 1, _LONGEST_PAUSE_S)
        asked_s = min(outcome.retry_after_s or 0.0, _LONGEST_ASKED_S)
        return max(less_by_chance(pause_s, random.random), asked_s)

    async def _pause(self, pause_s: float) -> None:
        """A shorter one when the edge ends."""
        until = time.monotonic() + pause_s
        while (left_s := min(until, self._stop_by_s) - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            self._wake.clear()
            if self._stopping:
                await asyncio.sleep(_LAST_S / 8)
                return

    def _out_of_time(self) -> bool:
        return time.monotonic() >= self._stop_by_s

    # --- what is told of it -----------------------------------------------------------------

    def _taken(self, outcome: Outcome) -> None:
        if self._failing:
            self._failing = False
            logs.get().info("traces.recovered", waiting=len(self._backlog))
        spans, why = otlp.refused(outcome.body)
        if spans and self._complaints.ask("spans", time.monotonic()) is not None:
            logs.get().warning("traces.spans_refused", spans=spans, cause=why[:200])

    def _count_lost(self) -> None:
        missed = self._stories.missed
        self._lost["too_many"] += self._backlog.dropped() + missed - self._missed_told
        self._missed_told = missed
        self._tell_lost()

    def _tell_lost(self, *, at_once: bool = False) -> None:
        causes = {cause: calls for cause, calls in self._lost.items() if calls}
        if causes and (at_once or self._complaints.ask("lost", time.monotonic()) is not None):
            self._lost.clear()
            logs.get().warning("traces.lost", calls=sum(causes.values()), causes=causes, fix=FIX)

    def _tell_failing(self, cause: str, *, waiting: int = 0) -> None:
        if self._complaints.ask("failing", time.monotonic()) is not None:
            logs.get().warning(
                "traces.failing",
                cause=cause,
                waiting=waiting + len(self._backlog),
                fix=FIX,
            )
