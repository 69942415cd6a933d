"""The process of a worker: its start, its loop, its end.

It is forked with one end of a socket pair (`sipua.worker.fork_server`). The edge tells it the rest
by `Begin`, and ends it by `Stop`. Signals that a terminal or a service manager sends to all
processes are the edge's business: it lets calls end first. When the edge is gone nothing can end or
begin a call: the worker goes as well, at once by the kernel's own signal, else by the end of the
link.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import socket
import sys
import time
from importlib import metadata

from sipua.bridge.fault_owner import FaultOwner, described
from sipua.config import Config
from sipua.config.change.values import secrets
from sipua.events.teller import Told
from sipua.log import logs
from sipua.log.secret_masking import register_secret
from sipua.process import linux, main_loop
from sipua.process.exits import Exit
from sipua.process.loop_lag import watch
from sipua.worker.call.parts import PartsError
from sipua.worker.calls import WorkerCalls
from sipua.worker.figures import EVERY, WorkerFigures
from sipua.worker.generations import Generations
from sipua.worker.link import config_copy
from sipua.worker.link.channel import NO_DESCRIPTORS, Channel, close_all
from sipua.worker.link.coding import LinkError, of_edge
from sipua.worker.link.messages import (
    SCHEMA,
    Begin,
    EngineTried,
    Figures,
    NewConfig,
    Ping,
    Pong,
    Ready,
    SetLogLevel,
    Stop,
    ToEdge,
    ToWorker,
    Unfit,
    UseConfig,
)
from sipua.worker.link.silence import CHECK_EVERY_S, Silence

_EDGE_SILENT_S = 10.0
"""Longer than any stall of the edge that ends; signalling is given up after 5 s."""
_RECORDS_GRACE_S = 1.0
_REPORT = "please report the line worker.failed of the log"


def run(descriptor: int) -> int:
    """Work until the edge says Stop or is gone; returns the process's exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN, which the processes that tools start would inherit.
        signal.signal(number, lambda _number, _frame: None)
    linux.die_with_parent()
    linux.go_first()
    # Threads beside the loop (records, tools) must not delay a packet by the default of 5 ms.
    sys.setswitchinterval(0.001)
    link = socket.socket(fileno=descriptor)
    link.set_inheritable(False)  # a process that a tool starts must not keep the link open
    return main_loop.run(Worker(link).run())


class Worker:
    def __init__(self, sock: socket.socket) -> None:
        self._channel = Channel(sock, of_edge(), self._on_message, self._on_link_end)
        self._generations: Generations | None = None
        self._calls: WorkerCalls | None = None
        self._edge = Silence()
        self._missed = 0
        """Events that were not passed on."""
        self._pongs = 0
        self._figures: WorkerFigures | None = None
        self._over = asyncio.Event()
        self._gone = ""
        """Why there is no edge any more."""

    async def run(self) -> Exit:
        self._begun: asyncio.Future[tuple[Begin, list[int]]] = asyncio.Future()
        self._channel.start()
        try:
            begin, descriptors = await self._begun
            await self._work(begin, _begin(begin, descriptors))
        except PartsError as error:
            words = str(error).encode(errors="backslashreplace").decode()  # a path may be no text
            self._send(Unfit(error.event, words, error.fix, error.code))
            await self._over.wait()
            return error.code
        except EOFError:  # the edge is gone, or of another version
            return Exit.INTERNAL
        except Exception as error:  # noqa: BLE001 (the edge tells it; a text may hold secrets)
            frames = described(error)["traceback"]
            logs.get().error("worker.failed", error=type(error).__name__, traceback=frames)
            self._send(Unfit("worker.failed", type(error).__name__, _REPORT, Exit.INTERNAL))
            await self._over.wait()
            return Exit.INTERNAL
        finally:
            self._channel.close()
        return Exit.OK

    async def _work(self, begin: Begin, config: Config) -> None:
        async with Generations(self._send, self._engine_tried, self._publish) as generations:
            await generations.begin(begin.generation, config, begin.agent_url)
            self._generations = generations
            self._calls = WorkerCalls(config, generations, self._send)
            # A full collection visits every object of every import, 20 ms and more in which no
            # packet leaves. All present objects stay for good: it need not visit them.
            gc.collect()
            gc.freeze()
            self._send(Ready(SCHEMA, version()))
            watches = [
                FaultOwner().task(self._watch_edge(), "watch of the edge"),
                FaultOwner().task(self._calls.sample(), "samples"),
            ]
            if config.metrics.enabled:
                self._figures = figures = self._calls.figures
                watches.append(FaultOwner().task(watch(figures.loop_was_late), "loop lag"))
            await self._over.wait()
            for one in watches:
                one.cancel()
            # Once the edge says Stop there are none, unless one has not come to its end in time.
            await self._calls.end_all(self._gone or "the edge has stopped", _RECORDS_GRACE_S)
            if self._gone:
                main_loop.leave_now(Exit.SIGNALLING)

    # --- the link -------------------------------------------------------------------------

    def _send(self, message: ToEdge) -> None:
        self._channel.send(message)

    def _publish(self, told: Told) -> None:
        try:
            self._channel.send(told)
        except LinkError:  # the log has its line
            self._missed += 1

    def _engine_tried(self, name: str, reached: bool) -> None:
        self._send(EngineTried(name, reached))

    def _on_message(self, message: ToWorker, descriptors: list[int]) -> None:
        self._edge.heard()
        match message:
            case Ping():
                missed, self._missed = self._missed, 0
                calls, tasks = len(self._calls or ()), len(asyncio.all_tasks())
                new = self._new_figures()
                self._send(Pong(calls, tasks, missed, len(self._generations or ()), new))
            case Stop():
                self._end()
            case SetLogLevel():
                logs.set_level(message.level)
            case Begin():
                self._begun.set_result((message, descriptors))
            case NewConfig() if self._generations is not None:
                self._generations.make(message, descriptors)
            case UseConfig() if self._generations is not None:
                self._generations.use(message.generation)
            case _ if self._calls is not None:
                self._calls.on_message(message, descriptors)
            case _:
                close_all(descriptors)

    def _new_figures(self) -> Figures | None:
        if self._figures is None:
            return None
        self._pongs += 1
        return self._figures.now() if self._pongs % EVERY == 0 else None

    def _on_link_end(self, cause: str) -> None:
        self._leave(cause or "the edge is gone")

    def _leave(self, cause: str) -> None:
        self._gone = cause
        self._end()

    def _end(self) -> None:
        self._over.set()
        if not self._begun.done():
            self._begun.set_exception(EOFError)

    async def _watch_edge(self) -> None:
        while self._edge.check(time.monotonic()) < _EDGE_SILENT_S:  # noqa: ASYNC110 (a clock)
            await asyncio.sleep(CHECK_EVERY_S)
        self._leave(f"the edge has said nothing for {_EDGE_SILENT_S:g} s")


def _begin(message: Begin, descriptors: list[int]) -> Config:
    """Take over what the edge knows: configuration, log, where the user's modules are."""
    if not descriptors:
        fix = "raise the limit of open files"
        raise PartsError("worker.failed", LinkError(NO_DESCRIPTORS), fix, Exit.WORKERS)
    data = config_copy.read(descriptors[0])
    if (message.schema, message.version) != (SCHEMA, version()):
        error = RuntimeError(f"the edge is sipua {message.version}, installed is {version()}")
        raise PartsError("worker.other_version", error, "restart the edge", Exit.INTERNAL)
    config = config_copy.from_bytes(data)
    for secret in secrets(config):
        register_secret(secret)
    logs.configure(message.log_level, message.log_format)
    sys.path[:] = message.python_path
    return config


@functools.cache
def version() -> str:
    """Of the code that runs here: it is asked for before another one can have been installed."""
    return metadata.version("sipua")
