"""SIGHUP: a service manager means a reload; a terminal that has gone means the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

_STANDARD = (0, 1, 2)


def on_hangup(reload: Callable[[], None], end: Callable[[], None]) -> None:
    """Both are called on the running loop."""
    terminals = [number for number in _STANDARD if _is_terminal(number)]

    def on_signal() -> None:
        gone = any(not _is_terminal(number) for number in terminals)
        (end if gone else reload)()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_signal)


def _is_terminal(number: int) -> bool:
    """A terminal that is hung up is none any more."""
    try:
        return os.isatty(number)
    except OSError:
        return False
