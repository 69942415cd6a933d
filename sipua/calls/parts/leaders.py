"""Who decides where a call goes: its opening, a menu, documents, a fallback, a goodbye.

There may be several of these tasks for a while, one of which has begun another. Who is to decide
alone ends the others first, and waits until they have given back what they had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Start: TypeAlias = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Leaders:
    def __init__(self, start: Start) -> None:
        """`start`: begins a task that ends with the call at the latest."""
        self._start = start
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[None] | None = None

    def open(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """The beginning of an agent's part of the call."""
        self._opening = self.start(work, name)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._start(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def stop_opening(self) -> None:
        """There is no agent to begin with any more."""
        if self._opening is not None:
            self._opening.cancel()

    def let_go(self) -> None:
        """See `Call`: a cancelled task keeps its frames."""
        self._opening = None

    def cancel(self) -> None:
        """All but the task that asks."""
        for task in self._others():
            task.cancel()

    async def alone(self) -> None:
        """The same, and they have ended."""
        self.cancel()
        if others := self._others():
            await asyncio.wait(others)

    def _others(self) -> set[asyncio.Task[None]]:
        return self._tasks - {asyncio.current_task()}
