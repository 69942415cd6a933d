"""The last handler of exceptions: one without an owner is logged and counted, never silent.

All work for a session or a call has an owner (`sipua.bridge.fault_owner`). An exception that
reaches asyncio's exception handler, or the end of a thread, has none: it is always a bug of the
project.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import uvloop

from sipua.bridge.fault_owner import described
from sipua.log import logs
from sipua.log.throttle import Throttle

_EVERY_S = 10.0
"""Seconds between two lines about the same place."""
_PLACE_CHARS = 200


class LastNet:
    """The last handler of one process."""

    def __init__(self) -> None:
        self._throttle = Throttle(_EVERY_S)
        self._lock = threading.Lock()
        self.count = 0

    def on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio's exception handler."""
        of = (context.get(name) for name in ("task", "future", "handle", "transport"))
        subject = next((f": {thing!r}" for thing in of if thing is not None), "")
        message = str(context.get("message"))[:_PLACE_CHARS]
        self._log_fault(message, f"{message}{subject}"[:_PLACE_CHARS], context.get("exception"))

    def on_thread(self, args: threading.ExceptHookArgs) -> None:
        """`threading.excepthook`: the thread has ended with an exception."""
        name = args.thread.name if args.thread is not None else "without a name"
        self._log_fault(name, f"thread {name}", args.exc_value)

    def _log_fault(self, place: str, where: str, error: BaseException | None) -> None:
        with self._lock:
            self.count += 1
            kept_back = self._throttle.ask(f"{place} {type(error)}", time.monotonic())
        if kept_back is not None:
            details = described(error) if error is not None else {}
            logs.get().error(
                "fault.unowned", where=where, **details, count=self.count, lines_kept_back=kept_back
            )


NET = LastNet()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop of a process that carries calls."""
    loop = uvloop.new_event_loop()
    loop.set_exception_handler(NET.on_loop)
    threading.excepthook = NET.on_thread
    return loop
