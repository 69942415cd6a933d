"""The way from the API's thread to the edge's loop, and back with the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from sipua.control.http.problems import Kind, ProblemError

T = TypeVar("T")
WITHIN_S = 2.0


class EdgeLink:
    """Made on the edge's loop; asked from the API's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

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


def _run(question: Callable[[], T], outcome: Future[T]) -> None:
    try:
        result = question()
    except BaseException as error:  # noqa: BLE001 (whatever it is, it belongs to the one who asked)
        _settle(outcome.set_exception, outcome, error)
    else:
        _settle(outcome.set_result, outcome, result)


def _settle(settle: Callable[[T], None], outcome: Future[T] | Future[object], value: T) -> None:
    if outcome.set_running_or_notify_cancel():  # False: nobody waits any more
        settle(value)
