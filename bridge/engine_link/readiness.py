"""Whether an engine takes our configuration: it is ready, it refuses, or it says nothing in time.

One that complains may take the rest all the same: it gets a moment for that, no more.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sipua.bridge.engine_api.errors import EngineConnectError

COMPLAINT_S: Final = 1.0


class Readiness:
    def __init__(self) -> None:
        self._answered = asyncio.Event()
        self._refusal: EngineConnectError | None = None
        self._complaint: EngineConnectError | None = None
        self._deadline: asyncio.Timeout | None = None

    async def wait(self, until_s: float) -> None:
        """Raises what it was refused with or complained about, or TimeoutError."""
        try:
            async with asyncio.timeout_at(until_s) as self._deadline:
                await self._answered.wait()
        except TimeoutError:
            if self._complaint is not None and not self._answered.is_set():
                raise self._complaint from None
            raise
        if self._refusal is not None:
            raise self._refusal

    def ready(self) -> None:
        self._answered.set()

    def refused(self, error: EngineConnectError) -> None:
        if not self._answered.is_set():
            self._refusal = self._complaint or error
            self._answered.set()

    def complained(self, error: EngineConnectError) -> None:
        self._complaint = error
        until_s = asyncio.get_running_loop().time() + COMPLAINT_S
        if self._deadline is not None and until_s < (self._deadline.when() or 0):
            self._deadline.reschedule(until_s)
