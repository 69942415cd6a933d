"""Who ends what an unexpected exception leaves broken.

    session ─────────▶ call ─────────▶ the loop's exception handler
    it is lost, and    it is hung up   (`sipua.process.unhandled`: logged and counted)
    another is made

Every callback, timer, task and reader works for one owner. An exception in it is told to the owner,
which logs it and ends what it owns, once. If that fails, too, the owner above is told. So a fault
is never the end of one callback and the beginning of silence.

Where packets pass, the callback at the border has its own `try` that calls `failed`: it costs
nothing until something is raised, whereas a wrapper costs a frame for each packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from structlog.typing import FilteringBoundLogger

Outcome = TypeVar("Outcome")

TEXT_CHARS: Final = 300
_FRAMES: Final = 8


class FaultOwner:
    """Owns one thing; `end(cause)` ends it. Without an `end`, faults are the owner's above."""

    __slots__ = ("_above", "_event", "_log", "cause", "count", "end")

    def __init__(
        self,
        event: str = "",
        log: FilteringBoundLogger | None = None,
        end: Callable[[str], None] | None = None,
        *,
        above: FaultOwner | None = None,
    ) -> None:
        """`event`: the name of the log line of a fault. `above`: None is the loop's handler."""
        self._event = event
        self._log = log
        self._above = above
        self.end = end
        self.count = 0
        self.cause = ""
        """Of the first fault: its place and its kind, without the exception's text, which may
        quote what people said."""

    def failed(self, where: str, error: BaseException) -> None:
        """Something that works for this owner has raised. Never raises itself.

        The first fault ends what is owned; those until then are its echo, and are counted.
        """
        self.count += 1
        if self.count > 1:
            return
        self.cause = f"internal error: {where}: {type(error).__name__}"
        if self.end is None:
            self._pass_on(where, error)
            return
        try:
            try:
                self._tell(where, error)
            finally:
                self.end(self.cause)
        except Exception as worse:  # noqa: BLE001 (the owner above ends what this one cannot)
            self._pass_on(where, worse)

    def harmless(self, event: str) -> FaultOwner:
        """For one piece of work whose fault ends nothing but itself; it is logged as `event`."""
        return FaultOwner(event, self._log, nothing, above=self)

    def hand_over(self, owner: FaultOwner) -> None:
        """From now on the faults of what works for this one are that owner's."""
        self._above, self.end = owner, None

    def run(self, where: str, callback: Callable[..., object], *args: object) -> None:
        """Call it now."""
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001 (whatever it is, the owner ends what it broke)
            self.failed(where, error)

    def guarded(self, where: str, callback: Callable[..., object]) -> Callable[..., None]:
        """The same callback, for whatever calls it later."""
        return partial(self.run, where, callback)

    def call_soon(self, where: str, callback: Callable[..., object], *args: object) -> None:
        asyncio.get_running_loop().call_soon(self.run, where, callback, *args)

    def call_at(
        self, when_s: float, where: str, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle:
        """At this time of the loop's clock."""
        return asyncio.get_running_loop().call_at(when_s, self.run, where, callback, *args)

    def call_later(
        self, delay_s: float, where: str, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_s, self.run, where, callback, *args)

    def task(self, work: Coroutine[Any, Any, Outcome], where: str) -> asyncio.Task[Outcome]:
        """Only for a task that nothing awaits: its exception is this owner's."""
        task = asyncio.get_running_loop().create_task(work, name=where)
        task.add_done_callback(partial(self._task_done, where))
        return task

    def _task_done(self, where: str, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(where, error)

    def _tell(self, where: str, error: BaseException) -> None:
        if self._log is None:
            unowned(where, error)
        else:
            self._log.error(self._event, where=where, **described(error))

    def _pass_on(self, where: str, error: BaseException) -> None:
        if self._above is not None:
            self._above.failed(where, error)
        else:
            unowned(where, error)


def nothing(*_arguments: object) -> None:
    """In the place of a callback: of one that ends nothing, or whose owner is closed.

    The parts of a call know each other by callbacks, in circles. The garbage collector alone frees
    a circle, rarely, and with a pause of 6 ms at a hundred calls; until then it keeps all that the
    call had. So each part gives its callbacks back when it is closed, and a call is gone with its
    end.
    """


def unowned(where: str, error: BaseException) -> None:
    """Tell the handler of unhandled exceptions, on the loop or on a thread of its own."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        told = (type(error), error, error.__traceback__, threading.current_thread())
        with contextlib.suppress(Exception):  # there is nothing left that could be told of it
            threading.excepthook(threading.ExceptHookArgs(told))
    else:
        loop.call_exception_handler({"message": where, "exception": error})


def described(error: BaseException) -> dict[str, str]:
    """An exception as fields of a log line, bounded: its text may be as long as what it quotes."""
    try:
        text = str(error)[:TEXT_CHARS]
    except Exception as worse:  # noqa: BLE001 (a `__str__` that is broken, too)
        text = f"(its text raises {type(worse).__name__})"
    frames = traceback.format_tb(error.__traceback__)[-_FRAMES:]
    return {"error": f"{type(error).__name__}: {text}", "traceback": "".join(frames)}
