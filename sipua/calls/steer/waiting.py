"""Waiting for something in a call: asked again every two packets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

POLL_S = 0.04
_STILL = 3
"""So often in a row there is nothing to hear: quiet, and not only between two words."""


async def until(happened: Callable[[], bool], timeout_s: float) -> bool:
    """Wait; whether it happened in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not happened():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def played_out(speaking: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until the speech has been played."""
    quiet = 0

    def still() -> bool:
        nonlocal quiet
        quiet = 0 if speaking() else quiet + 1
        return quiet >= _STILL

    return await until(still, timeout_s)
