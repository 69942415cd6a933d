"""The loop of a command that has calls, and its end, even when a part hangs.

first Ctrl-C or SIGTERM    an orderly end: BYE, un-REGISTER
second one                 the end at once
signalling lost            the calls write their records; the process ends within seconds
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, NoReturn

from sipua.process import unhandled
from sipua.process.exits import Exit

SIGNALLING_GRACE_S = 3.0
"""The longest wait for the answers to our last BYE and un-REGISTER."""
RECORDS_GRACE_S = 3.5
"""Without signalling: the time for calls to end."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(main: Coroutine[Any, Any, Exit]) -> Exit:
    with asyncio.Runner(loop_factory=unhandled.new_event_loop) as runner:
        code = runner.run(main)
    if code is Exit.SIGNALLING:
        sys.stdout.flush()
        leave_now(code)  # Python's own end would wait for a part that hangs
    return code


def on_interrupt(end: Callable[[], None]) -> None:
    """Call `end()` on the loop at the first signal. The second signal does not use the loop, which
    may be the part that hangs.
    """
    loop = asyncio.get_running_loop()
    seen = 0

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            leave_now(Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends already
            loop.call_soon_threadsafe(end)

    for number in _SIGNALS:
        signal.signal(number, on_signal)


async def run_unless(end: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; False: the end came first, and the work was cancelled. Raises what it raises."""
    task = asyncio.create_task(work)
    asked = asyncio.create_task(end.wait())
    try:
        await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        task.cancel()
        asked.cancel()
        await asyncio.gather(task, asked, return_exceptions=True)


def leave_soon() -> None:
    """Signalling is lost: end within RECORDS_GRACE_S, done or not."""
    asyncio.get_running_loop().call_later(RECORDS_GRACE_S, leave_now, Exit.SIGNALLING)


def leave_now(code: Exit) -> NoReturn:
    """End the process without waiting for anything."""
    os._exit(code)
