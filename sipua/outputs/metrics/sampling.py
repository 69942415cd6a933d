"""What no event tells, seen from the loop of the edge: lag, memory, ports, workers, backlogs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sipua.outputs.metrics.names import EDGE, MEMBER_STATES, Names, worker
from sipua.outputs.metrics.series import Series
from sipua.process import linux, loop_lag
from sipua.queue.queues import QueueState
from sipua.rtp.session.traffic import Traffic
from sipua.worker.link.messages import Figures

LOOK_EVERY_S: Final = 2.0
_HEP_SENT: Final = "sent_"
_HEP_LOST: Final = ("dropped", "failed", "given_up", "unsendable")


@dataclass(frozen=True, slots=True)
class SinkState:
    """A database of call records."""

    name: str
    lag_s: float
    behind_bytes: int


@dataclass(frozen=True, slots=True)
class WebhookState:
    name: str
    up: bool
    waiting: int
    dead_bytes: int
    dropped: int
    attempts: Mapping[str, int]
    """By how they ended."""


@dataclass(frozen=True, slots=True)
class Views:
    """What is looked at, on the edge's loop."""

    workers: Callable[[], Sequence[Mapping[str, int]]]
    """What each has that runs."""
    figures: Callable[[], Mapping[tuple[int, int], Figures]]
    """What each has counted, by its number and process."""
    ports: Callable[[], Mapping[str, int]]
    """Those in use and at rest."""
    sinks: Callable[[], Iterable[SinkState]]
    webhooks: Callable[[], Iterable[WebhookState]]
    hep: Callable[[], Mapping[str, int]]
    """Its counts; none: nothing is sent."""
    queues: Callable[[], Iterable[QueueState]] = tuple
    held: Callable[[], Mapping[str, int]] = dict
    """What pjsip keeps: transactions and dialogs."""


class Sampling:
    def __init__(self, series: Series, names: Names, views: Views) -> None:
        self._series = series
        self._names = names
        self._views = views
        self._figures: dict[tuple[int, int], Figures] = {}
        """Those that are in the totals."""
        self._cpu_s = 0.0
        self._webhooks: dict[str, WebhookState] = {}
        self._hep: dict[str, int] = {}
        series.start_time.set(time.time())
        series.build_info.set(1, *(value for (value,) in names.build.values()))

    async def watch_loop(self) -> None:
        """Never ends."""
        await loop_lag.watch(lambda late_s: self._series.loop_lag.observe(late_s, EDGE))

    async def watch_state(self) -> None:
        """Never ends."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        self._look_at_edge()
        self._look_at_workers()
        self._look_at_backlogs()
        for queue in self._views.queues():
            self._series.queue_waiting.set(len(queue.waiting), queue.name)
            self._series.queue_serving.set(queue.serving, queue.name)
            self._series.queue_longest.set(queue.longest_s, queue.name)
            if queue.members:
                states = [one.state for one in queue.members]
                for state in MEMBER_STATES:
                    self._series.queue_members.set(states.count(state), queue.name, state)

    def _look_at_edge(self) -> None:
        series = self._series
        series.memory.set(linux.memory_bytes(os.getpid()), EDGE)
        series.descriptors.set(linux.descriptors(), EDGE)
        series.tasks.set(len(asyncio.all_tasks()), EDGE)
        before, self._cpu_s = self._cpu_s, time.process_time()
        series.cpu.add(EDGE, by=self._cpu_s - before)
        ports = self._views.ports()
        for state in ("in_use", "resting"):
            series.ports.set(ports[state], state)
        held = self._views.held()
        series.transactions.set(held.get("transactions", 0))
        series.dialogs.set(held.get("dialogs", 0))

    def _look_at_workers(self) -> None:
        series = self._series
        workers = {worker(one["worker"]): one for one in self._views.workers()}
        series.workers_up.set(len(workers))
        for process in self._names.workers:  # one that has died has nothing
            one = workers.get(process, {})
            series.memory.set(one.get("memory_mb", 0) * 1e6, process)
            series.tasks.set(one.get("tasks", 0), process)
            series.worker_calls.set(one.get("calls", 0), process)
        found = self._views.figures()
        for (number, pid), figures in found.items():
            self._add(worker(number), figures, self._figures.get((number, pid), _NOTHING))
        by_process = {worker(number): figures for (number, _), figures in found.items()}
        for process in self._names.workers:
            series.descriptors.set(by_process.get(process, _NOTHING).descriptors, process)
        series.spares.set(sum(figures.spares for figures in found.values()))
        self._figures = dict(found)

    def _add(self, process: str, new: Figures, old: Figures) -> None:
        series = self._series
        series.cpu.add(process, by=new.cpu_s - old.cpu_s)
        series.loop_lag.add(_risen(new.loop_late, old.loop_late), process)
        series.pacer_late.add(_risen(new.pacer_late, old.pacer_late), process)
        risen = Traffic(*map(int, _risen(new.traffic, old.traffic)))
        series.rtp_packets.add("in", by=risen.received)
        series.rtp_packets.add("out", by=risen.sent)
        series.rtp_lost.add("in", by=risen.lost)
        series.rtp_late.add(by=risen.late)
        series.rtp_refused.add(by=risen.refused)
        series.frames_skipped.add(by=risen.skipped)

    def _look_at_backlogs(self) -> None:
        series = self._series.outputs
        for sink in self._views.sinks():
            series.sink_lag.set(sink.lag_s, sink.name)
            series.sink_behind.set(sink.behind_bytes, sink.name)
        for hook in self._views.webhooks():
            series.webhook_up.set(hook.up, hook.name)
            series.webhook_waiting.set(hook.waiting, hook.name)
            series.webhook_dead.set(hook.dead_bytes, hook.name)
            old = self._webhooks.get(hook.name)
            series.webhook_dropped.add(hook.name, by=hook.dropped - (old.dropped if old else 0))
            for result, count in hook.attempts.items():
                counted = old.attempts.get(result, 0) if old else 0
                series.webhook_attempts.add(hook.name, result, by=count - counted)
            self._webhooks[hook.name] = hook
        self._look_at_hep(self._views.hep())

    def _look_at_hep(self, counts: Mapping[str, int]) -> None:
        series = self._series.outputs
        before, self._hep = self._hep, dict(counts)
        for name, count in counts.items():
            risen = count - before.get(name, 0)
            if name in _HEP_LOST:
                series.hep_lost.add(by=risen)
            elif name.startswith(_HEP_SENT):
                series.hep_packets.add(name.removeprefix(_HEP_SENT), by=risen)
        series.hep_up.set(counts.get("up", 0))


_NOTHING: Final = Figures(0.0, 0, 0, Traffic(), (), ())


def _risen(new: Sequence[float], old: Sequence[float]) -> list[float]:
    return [now - then for now, then in zip(new, old or [0.0] * len(new), strict=True)]
