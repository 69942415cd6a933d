"""The time between our goodbye and an engine's last word, in which it settles its accounts."""

from __future__ import annotations

import asyncio
from typing import Final

LONGEST_S: Final = 1.0


class Farewell:
    def __init__(self) -> None:
        self._said = asyncio.Event()

    def over(self) -> None:
        self._said.set()

    async def wait(self) -> bool:
        """Whether the last word has come in time."""
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._said.wait()
        except TimeoutError:
            return False
        return True
