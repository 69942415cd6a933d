"""The release of a call's parts: in order, and no part can stop the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

STEP_S = 10.0
"""Closing engines and files has shorter limits of its own."""


async def release(log: FilteringBoundLogger, *steps: Callable[[], Awaitable[None]]) -> None:
    """Run the steps; one that fails or takes too long is logged and skipped."""
    for step in steps:
        try:
            async with asyncio.timeout(STEP_S):
                await step()
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            log.exception("call.not_given_back", step=step.__qualname__, error=words)
