"""The loop of a command that has calls, and its end, whatever hangs.

first Ctrl-C or SIGTERM    a polite end: BYE, goodbye to the registrar
second one                 the end, now
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

from sipua.process import last_net
from sipua.process.exits import Exit

SIGNALLING_GRACE_S = 3.0
"""How long the answers to our last BYE and un-REGISTER are waited for."""
RECORDS_GRACE_S = 3.5
"""Without signalling: how long the calls have to end."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(main: Coroutine[Any, Any, Exit]) -> Exit:
    with asyncio.Runner(loop_factory=last_net.new_event_loop) as runner:
        code = runner.run(main)
    if code is Exit.SIGNALLING:
        sys.stdout.flush()
        leave_now(code)  # Python's own end would wait for what hangs
    return code


def on_interrupt(end: Callable[[], None]) -> None:
    """`end()` runs on the loop at the first signal. The second one does not ask the loop, which may
    be what hangs.
    """
    loop = asyncio.get_running_loop()
    seen = 0

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            leave_now(Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED)
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are at the end already
            loop.call_soon_threadsafe(end)

    for number in _SIGNALS:
        signal.signal(number, on_signal)


def leave_soon() -> None:
    """Signalling is lost: what is not done within RECORDS_GRACE_S is left."""
    asyncio.get_running_loop().call_later(RECORDS_GRACE_S, leave_now, Exit.SIGNALLING)


def leave_now(code: Exit) -> NoReturn:
    """End the process without waiting for anything."""
    os._exit(code)
