"""What is told to an agent's web server beside a call: one attempt, and its answer is dropped."""

from __future__ import annotations

import asyncio
from typing import Final

from structlog.typing import FilteringBoundLogger

from sipua.twilio.fetch import FetchError, WebClient
from sipua.twilio.request import WebRequest

MOST_WAITING: Final = 200
"""At once; a server that answers none of them holds no more."""
_LAST_S: Final = 5.0


class Telling:
    """One worker's."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, asked: WebRequest, log: FilteringBoundLogger) -> None:
        if len(self._tasks) >= MOST_WAITING:
            log.warning("twilio.status_lost", kind="too_many", waiting=len(self._tasks))
            return
        task = asyncio.get_running_loop().create_task(self._told(asked, log), name="twilio status")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Behind the last call; what is on its way has a moment."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_S)
        for task in self._tasks:
            task.cancel()

    async def _told(self, asked: WebRequest, log: FilteringBoundLogger) -> None:
        try:
            await self._client.tell(asked)
        except FetchError as error:
            log.warning("twilio.status_lost", kind="failed", code=error.code, error=str(error))
