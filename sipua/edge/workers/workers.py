"""The workers of the edge: the decisions of `Supervisor` carried out, messages told apart.

A worker is started with everything that it must know; one that dies is told to the edge with the
cause, and replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import metadata

from sipua.bridge.fault_owner import FaultOwner
from sipua.config import Config
from sipua.doctor import edges
from sipua.doctor.edges import WORKERS_FIX, EdgeState, WorkerState
from sipua.edge.workers import process
from sipua.edge.workers.fork_server import ForkServer
from sipua.edge.workers.process import WorkerProcess
from sipua.edge.workers.shared_config import SharedConfig
from sipua.edge.workers.supervisor import Act, Ask, Kill, Start, State, Supervisor
from sipua.events import edge_events
from sipua.events.event import Event
from sipua.log import logs
from sipua.process import linux
from sipua.process.exits import Exit
from sipua.worker.link.channel import Descriptor, close_all
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import (
    SCHEMA,
    Begin,
    ConfigTried,
    Figures,
    NoMoreCalls,
    Ping,
    Pong,
    Ready,
    Stop,
    ToEdge,
    ToWorker,
    Unfit,
)
from sipua.worker.link.silence import CHECK_EVERY_S

STOP_WITHIN_S = 3.0
_KILLED_WITHIN_S = 1.0


class WorkersError(Exception):
    """No worker can be had: the event to log, what to do, and the process's exit code."""

    def __init__(self, event: str, error: str, fix: str, code: Exit) -> None:
        super().__init__(error)
        self.event = event
        self.fix = fix
        self.code = code


class Workers:
    def __init__(
        self,
        config: Config,
        *,
        count: int,
        tell: Callable[[Event], None],
        on_message: Callable[[int, ToEdge], None],
        on_lost: Callable[[int, str], None],
        on_hopeless: Callable[[WorkersError], None],
        forks: ForkServer | None = None,
    ) -> None:
        """`on_lost(worker, cause)`: the worker and its calls are gone, and their ports are free.
        `on_hopeless`: no worker lives, whatever is tried. `forks`: begun already, or None.
        """
        self.supervisor = Supervisor(count, memory_bytes=config.edge.worker_memory_mb * 1_000_000)
        self._forks = forks or ForkServer()
        self.config = SharedConfig(config, self.send)
        # Now: an update changes what is installed, and not what runs here.
        self._version = metadata.version("sipua")
        self._tell = tell
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_hopeless = on_hopeless
        self._log = logs.get()
        self._faults = FaultOwner("workers.failed", self._log, self._give_up)
        self._agent_known = asyncio.Event()
        self._running: dict[int, WorkerProcess] = {}
        self._lives: dict[int, asyncio.Task[None]] = {}
        """The last one of each worker."""
        self._watcher: asyncio.Task[None] | None = None
        self._pongs: dict[int, Pong] = {}
        self._figures: dict[int, Figures] = {}
        self._up = False
        self._draining = False
        self._stopping = False
        self._error: WorkersError | None = None
        self._news = asyncio.Event()

    async def start(self, agent_url: Awaitable[str]) -> None:
        """Start all, and meanwhile the agent; returns when each has been ready or has failed.
        Raises WorkersError when none is ready, AgentError.
        """
        edges.clear_the_dead()
        self._watcher = self._faults.task(self._watch(), "workers")
        self.config.agent_url = await agent_url
        self._agent_known.set()
        while not self._all_decided():
            self._news.clear()
            await self._news.wait()
        if self._error is not None:
            raise self._error
        self._up = True

    def send(self, worker: int, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None:
        """Raises LinkError for a message that cannot be sent. What is passed is closed here."""
        if running := self._running.get(worker):
            running.send(message, passed)

    def send_all(self, message: ToWorker) -> None:
        """To those that run; one whose link takes nothing now is not told."""
        for running in self._running.values():
            with contextlib.suppress(LinkError):
                running.send(message)

    @property
    def pids(self) -> list[int]:
        return [running.pid for _, running in sorted(self._running.items())]

    def counts(self) -> list[dict[str, int]]:
        """What each has that lives, by its own count of half a second ago, for the log."""
        return [
            {
                "worker": worker,
                "pid": self._running[worker].pid,
                "calls": pong.calls,
                "tasks": pong.tasks,
                "configurations": pong.generations,
                "memory_mb": self._running[worker].memory_bytes() // 1_000_000,
            }
            for worker, pong in sorted(self._pongs.items())
            if worker in self._running
        ]

    def figures(self) -> dict[tuple[int, int], Figures]:
        """The newest ones of those that live: by number and process, as a new process counts
        anew."""
        return {
            (worker, running.pid): figures
            for worker, running in self._running.items()
            if (figures := self._figures.get(worker)) is not None
        }

    def missing_s(self) -> float:
        """How long no worker is expected; 0: one takes calls. Called on the signalling thread."""
        return self.supervisor.missing_s(time.monotonic())

    def no_more_calls(self) -> None:
        """Running calls may end; what the workers keep for new ones is given back."""
        self._draining = True
        for worker in self._running:
            self.send(worker, NoMoreCalls())

    async def stop(self) -> None:
        """End all, which have no calls any more."""
        self._stopping = True
        if not self._hopeless:
            edges.remove(os.getpid())
        for worker, life in self._lives.items():
            running = self._running.get(worker)
            if running is None:
                life.cancel()
            elif self.supervisor.slots[worker].state is State.READY:
                running.send(Stop())
            else:
                running.kill()  # it has nothing to end, and its start may take long
        if self._watcher is not None:
            self._watcher.cancel()
        if not await self._ended(STOP_WITHIN_S):
            self._log.warning("workers.killed", workers=sorted(self._running))
            for running in self._running.values():
                running.kill()
            await self._ended(_KILLED_WITHIN_S)
        self._forks.close()

    async def _ended(self, within_s: float) -> bool:
        lives = self._lives.values()
        if lives:
            await asyncio.wait(lives, timeout=within_s)
        return all(life.done() for life in lives)

    # --- the watch ------------------------------------------------------------------------

    async def _watch(self) -> None:
        while not self._stopping:
            now = time.monotonic()
            for act in self.supervisor.check(now):
                self._do(act)
            for worker, running in list(self._running.items()):
                for act in self.supervisor.uses(worker, running.memory_bytes(), now):
                    self._do(act)
            await asyncio.sleep(CHECK_EVERY_S)

    def _do(self, act: Act) -> None:
        match act:
            case Start():
                task = self._faults.task(self._live(act.worker), f"worker {act.worker}")
                self._lives[act.worker] = task
            case Ask():
                self.send(act.worker, Ping())
            case Kill():
                if running := self._running.get(act.worker):
                    running.kill()

    async def _live(self, worker: int) -> None:
        """The life of one worker."""

        def on_message(message: ToEdge, descriptors: list[int]) -> None:
            close_all(descriptors)
            self._faults.harmless("worker.message_failed").run(
                type(message).__name__, self._take, worker, message
            )

        def on_link_end(cause: str) -> None:
            for act in self.supervisor.fault(worker, cause, time.monotonic()):
                self._do(act)

        try:
            running = await process.spawn(self._forks, on_message, on_link_end)
        except OSError as error:
            self._exited(worker, f"cannot be started: {error}")
            return
        self._running[worker] = running
        if self._stopping:  # it was not known yet when all were told
            running.kill()
        # Without Begin it would wait for ever; the others need not end with it.
        fault = FaultOwner("worker.begin_failed", self._log, on_link_end)
        begin = fault.task(self._begin(worker, running), f"begin of worker {worker}")
        try:
            how = await running.wait()
        finally:
            begin.cancel()
        del self._running[worker]
        self._pongs.pop(worker, None)
        self._figures.pop(worker, None)
        self._exited(worker, how)

    async def _begin(self, worker: int, running: WorkerProcess) -> None:
        """Tell it what it must know. It has imported what it needs meanwhile."""
        await self._agent_known.wait()
        await self.config.decided()
        begin = Begin(
            schema=SCHEMA,
            version=self._version,
            worker=worker,
            log_level=logs.in_use.level,
            log_format=logs.in_use.format,
            agent_url=self.config.agent_url,
            python_path=tuple(sys.path),
            generation=self.config.generation,
        )
        running.send(begin, [process.in_memory(self.config.data)])
        self.config.begun(worker)

    def _take(self, worker: int, message: ToEdge) -> None:
        self.supervisor.heard(worker)
        match message:
            case Pong():
                self._pongs[worker] = message
                if message.figures is not None:
                    self._figures[worker] = message.figures
                if missed := message.events_missed:
                    self._tell(edge_events.EventsLost(worker=worker, count=missed))
            case Ready():
                self.supervisor.ready(worker, time.monotonic())
                if self._draining:
                    self.send(worker, NoMoreCalls())
                self.config.ready(worker)
                pid = self._running[worker].pid
                at_start, nice = not self._up, linux.nice_of(pid)
                self._tell(
                    edge_events.WorkerReady(worker=worker, pid=pid, at_start=at_start, nice=nice)
                )
                self._changed()
            case Unfit():
                self._unfit(worker, message)
            case ConfigTried():
                self.config.answered(worker, message)
            case _:
                self._on_message(worker, message)

    def _unfit(self, worker: int, message: Unfit) -> None:
        """At the start it is the configuration, and every worker says the same; later something
        that it names has changed.
        """
        if not self._up:
            self._error = WorkersError(
                message.event, message.error, message.fix, Exit(message.code)
            )
            self._news.set()
        cause = f"{message.event}: {message.error}"
        for act in self.supervisor.fault(worker, cause, time.monotonic()):
            self._do(act)

    def _exited(self, worker: int, how: str) -> None:
        now = time.monotonic()
        calls = self.supervisor.slots[worker].calls
        slot = self.supervisor.exited(worker, how, now)
        self.config.gone(worker, slot.cause)
        self._changed()
        if self._stopping or not (self._up or self._error is None):
            return
        self._tell(
            edge_events.WorkerDied(
                worker=worker,
                cause=slot.cause,
                calls=calls,
                deaths=slot.deaths,
                next_in_s=round(max(0.0, slot.since - now), 1),
                fix=WORKERS_FIX,
            )
        )
        self._on_lost(worker, slot.cause)
        if self._error is None and self.supervisor.hopeless:
            self._give_up()

    def _changed(self) -> None:
        self._news.set()
        if not self._stopping:
            self._tell_doctor()

    @property
    def _hopeless(self) -> bool:
        return self._error is not None and self._error.code is Exit.WORKERS

    def _tell_doctor(self) -> None:
        # Workers may still die after the one that made it hopeless.
        edges.write(EdgeState(os.getpid(), self._states(), self._hopeless))

    def _states(self) -> tuple[WorkerState, ...]:
        return tuple(
            WorkerState(slot.number, slot.state is State.READY, slot.deaths, slot.cause)
            for slot in self.supervisor.slots.values()
        )

    # --- when there is none ---------------------------------------------------------------

    def _all_decided(self) -> bool:
        if self._error is not None:
            return True
        slots = self.supervisor.slots.values()
        tried = all(slot.state is State.READY or slot.deaths for slot in slots)
        return tried and self.supervisor.ready_count > 0

    def _give_up(self, cause: str = "") -> None:
        causes = dict.fromkeys(slot.cause for slot in self.supervisor.slots.values())
        words = cause or f"no worker lives: {'; '.join(causes)}"
        self._error = WorkersError("workers.hopeless", words, WORKERS_FIX, Exit.WORKERS)
        self._tell_doctor()
        self._news.set()
        self._on_hopeless(self._error)
