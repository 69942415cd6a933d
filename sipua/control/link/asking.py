"""The way from the API's thread to the edge's loop, and back with the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from sipua.control.http.problems import Kind, ProblemError

T = TypeVar("T")
WITHIN_S = 2.0


class EdgeLink:
    """Asked from the API's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: the edge's."""
        self._loop = loop

    async def run(self, work: Coroutine[Any, Any, T], within_s: float) -> T:
        """Run it on the edge's loop; it ends when nobody waits any more. Raises ProblemError, and
        what it raises.
        """
        try:
            outcome = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise ProblemError(Kind.EDGE_SILENT, "the edge has ended") from None
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.wrap_future(outcome)
        except TimeoutError:
            raise ProblemError(Kind.EDGE_SILENT, f"not within {within_s:g} s") from None

    async def ask(self, question: Callable[[], T], within_s: float = WITHIN_S) -> T:
        """Call it on the edge's loop, where it must not wait. What has been asked is done, also
        when the answer comes too late. Raises ProblemError, and what the question raises.
        """
        outcome: Future[T] = Future()
        try:
            self._loop.call_soon_threadsafe(_run, question, outcome)
        except RuntimeError:  # the loop is closed
            raise ProblemError(Kind.EDGE_SILENT, "the edge has ended") from None
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.wrap_future(outcome)
        except TimeoutError:
            raise ProblemError(Kind.EDGE_SILENT, f"not within {within_s:g} s") from None

    def tell(self, take: Callable[[T], None], news: T) -> None:
        """Call it on the edge's loop, and do not wait; an edge that has ended hears nothing."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(take, news)


def _run(question: Callable[[], T], outcome: Future[T]) -> None:
    waited_for = outcome.set_running_or_notify_cancel()
    try:
        result = question()
    except Exception as error:  # noqa: BLE001 (whatever it is, it belongs to the one who asked)
        if waited_for:
            outcome.set_exception(error)
    else:
        if waited_for:
            outcome.set_result(result)
