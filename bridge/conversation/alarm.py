"""One timer for all that a conversation waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipua.bridge.fault_owner import FaultOwner, nothing

NEVER = float("inf")


class Alarm:
    """May ring too early, because deadlines move on, and never late."""

    def __init__(self, faults: FaultOwner, ring: Callable[[], None]) -> None:
        self._faults = faults
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        # Not asked of the timer: that of uvloop does not know it when it is due at once.
        self._due = NEVER

    def by(self, due: float) -> None:
        """Ring then, or before."""
        if due < self._due:
            self._stop()
            self._due = due
            self._timer = self._faults.call_at(due, "conversation timer", self._rings)

    def end(self) -> None:
        """It rings no more, and keeps nobody: see `nothing`."""
        self._stop()
        self._due, self._ring = -NEVER, nothing

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self._timer, self._due = None, NEVER
        self._ring()
