"""The check that the other side of a link still lives.

Only time between two checks counts: a process that was stopped, or a machine that was asleep, has
not been waiting for as long.
"""

from __future__ import annotations

CHECK_EVERY_S = 0.5


class Silence:
    def __init__(self) -> None:
        self._checked_at: float | None = None
        self.silent_s = 0.0

    def heard(self) -> None:
        self.silent_s = 0.0

    def check(self, now: float) -> float:
        """Call it every CHECK_EVERY_S; how long nothing was heard."""
        if self._checked_at is not None:
            self.silent_s += min(now - self._checked_at, 2 * CHECK_EVERY_S)
        self._checked_at = now
        return self.silent_s
