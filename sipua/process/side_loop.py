"""An event loop on a thread of its own: slow or faulty code is late there, and never on the loop of
the audio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from sipua.bridge.fault_owner import unowned
from sipua.process.unhandled import NET

Outcome = TypeVar("Outcome")

_STOP_S = 2.0


class SideLoop:
    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Run it there and wait for its outcome here; cancelled together with the wait."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Coroutine[Any, Any, Outcome]) -> Future[Outcome]:
        """The same without a loop, from any thread; the first time from the thread that closes."""
        return asyncio.run_coroutine_threadsafe(_contained(work), self._started())

    async def close(self) -> None:
        """Cancel what runs there. A function that never yields keeps its thread, a daemon."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(self._thread.join, _STOP_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(NET.on_loop)
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name=self._name, daemon=True
            )
            self._thread.start()
        return self._loop


async def _contained(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """`sys.exit()` in a tool, contained: it would end this loop, then the one that waits."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(repr(error)) from error


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        _run(loop)
        loop.run_until_complete(_a_turn())
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()


async def _a_turn() -> None:
    """Let work submitted at the last moment begin, so that its cancelling reaches it."""
    for _ in range(2):
        await asyncio.sleep(0)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run until it is stopped. What a task of a tool raises may pass through the loop; the other
    tasks go on.
    """
    while True:
        try:
            loop.run_forever()
        except BaseException as error:  # noqa: BLE001
            unowned("side loop", error)
        else:
            return
