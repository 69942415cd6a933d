"""What runs for a call, and how it is all given back: in order, and no part can stop the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner

STEP_S = 10.0
"""Closing engines and files has shorter limits of its own."""


class CallTasks:
    """The tasks and timers of one call: none outlives it, and a fault in one is the call's."""

    def __init__(self, faults: FaultOwner) -> None:
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._faults.task(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, delay_s: float, act: Callable[..., None], *arguments: object) -> None:
        self._timers.append(self._faults.call_later(delay_s, "timer", act, *arguments))

    def stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """Cancel the tasks, and wait until the last one has ended."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def release(log: FilteringBoundLogger, *steps: Callable[[], Awaitable[None]]) -> None:
    """Run the steps; one that fails or takes too long is logged and skipped."""
    for step in steps:
        try:
            async with asyncio.timeout(STEP_S):
                await step()
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            log.exception("call.not_given_back", step=step.__qualname__, error=words)
