"""The last net: an exception that no owner was told of is logged and counted, never silent.

Whatever works for a session or a call has an owner (`sipua.bridge.fault_owner`). What reaches
asyncio's exception handler, or the end of a thread, has none: a mistake of ours in any case.
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
"""Between two lines about the same place."""
_PLACE_CHARS = 200


class LastNet:
    """Of one process."""

    def __init__(self) -> None:
        self._throttle = Throttle(_EVERY_S)
        self._lock = threading.Lock()
        self.count = 0

    def on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio's exception handler."""
        of = (context.get(name) for name in ("task", "future", "handle", "transport"))
        subject = next((f": {thing!r}" for thing in of if thing is not None), "")
        message = str(context.get("message"))[:_PLACE_CHARS]
        self._tell(message, f"{message}{subject}"[:_PLACE_CHARS], context.get("exception"))

    def on_thread(self, args: threading.ExceptHookArgs) -> None:
        """`threading.excepthook`: the thread has ended."""
        name = args.thread.name if args.thread is not None else "without a name"
        self._tell(name, f"thread {name}", args.exc_value)

    def _tell(self, place: str, where: str, error: BaseException | None) -> None:
        with self._lock:
            self.count += 1
            kept_back = self._throttle.ask(f"{place} {type(error)}", time.monotonic())
        if kept_back is not None:
            told = described(error) if error is not None else {}
            logs.get().error(
                "fault.unowned", where=where, **told, count=self.count, lines_kept_back=kept_back
            )


NET = LastNet()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop of a process that carries calls."""
    loop = uvloop.new_event_loop()
    loop.set_exception_handler(NET.on_loop)
    threading.excepthook = NET.on_thread
    return loop
