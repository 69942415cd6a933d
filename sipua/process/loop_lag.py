"""How late the loop of this process is, looked at four times a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sipua.bridge.playout.pacer import LATE_MS

LOOK_EVERY_S: Final = 0.25
LATE_S: Final = tuple(bound / 1000 for bound in LATE_MS)
"""Bounds by which lateness is counted, here and in the pacer."""


async def watch(late: Callable[[float], None]) -> None:
    """`late(seconds)` at each look; never ends."""
    while True:
        due = time.monotonic() + LOOK_EVERY_S
        await asyncio.sleep(LOOK_EVERY_S)
        late(max(0.0, time.monotonic() - due))
