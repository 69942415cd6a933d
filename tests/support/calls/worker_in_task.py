"""Workers as tasks of the test's own loop: the real worker behind a real link, without a process.

workers = in_tasks(monkeypatch)        # before the edge starts
workers[1].worker                      # the Worker with that number
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

import pytest

from sipua.edge.workers import process
from sipua.process import main_loop
from sipua.worker.link.channel import Channel, Descriptor, Handler, pair
from sipua.worker.link.coding import of_worker
from sipua.worker.link.messages import Begin, ToEdge, ToWorker
from sipua.worker.process import Worker


class WorkerInTask:
    def __init__(
        self, worker: Worker, channel: Channel[ToEdge], started: dict[int, WorkerInTask]
    ) -> None:
        self.worker = worker
        self._started = started
        self.pid = os.getpid()
        self.memory = 0
        self._channel = channel
        self._task = asyncio.create_task(worker.run(), name="a worker")

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None:
        if isinstance(message, Begin):
            self._started[message.worker] = self
        self._channel.send(message, passed)

    def kill(self) -> None:
        self._task.cancel()

    def memory_bytes(self) -> int:
        return self.memory

    async def wait(self) -> str:
        await asyncio.wait([self._task])
        self._channel.read_rest()
        self._channel.close()
        return "killed" if self._task.cancelled() else "it ended"


def in_tasks(monkeypatch: pytest.MonkeyPatch) -> dict[int, WorkerInTask]:
    started: dict[int, WorkerInTask] = {}

    def spawn(on_message: Handler[ToEdge], on_link_end: Callable[[str], None]) -> WorkerInTask:
        ours, theirs = pair()
        channel = Channel(ours, of_worker(), on_message, on_link_end)
        channel.start()
        return WorkerInTask(Worker(theirs), channel, started)

    def leave(_code: object) -> None:
        raise asyncio.CancelledError  # the process is the test's

    monkeypatch.setattr(process, "spawn", spawn)
    monkeypatch.setattr(main_loop, "leave_now", leave)
    return started
