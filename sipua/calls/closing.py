"""How a call's parts are given back: in order, and none keeps the next from its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

STEP_S = 10.0
"""Goodbyes to engines and disks have shorter bounds of their own."""


async def give_back(log: FilteringBoundLogger, *steps: Callable[[], Awaitable[None]]) -> None:
    """A step that fails or takes too long is logged and left."""
    for step in steps:
        try:
            async with asyncio.timeout(STEP_S):
                await step()
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            log.exception("call.not_given_back", step=step.__qualname__, error=words)
