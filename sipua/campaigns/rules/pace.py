"""How fast calls may begin: evenly, without a burst after a pause. `now` is passed in."""

from __future__ import annotations

from typing import Final

_STEP_S: Final = 0.05
"""Calls of so long may begin together: a transaction for each would be slower than some rates."""


class Pace:
    def __init__(self) -> None:
        self._next_at = 0.0

    def wait_s(self, now: float) -> float:
        return max(0.0, self._next_at - now)

    def room(self, rate: float, now: float) -> int:
        """How many may begin now, at so many a second."""
        return 0 if self._next_at > now else max(1, int(rate * _STEP_S))

    def begun(self, count: int, rate: float, now: float) -> None:
        self._next_at = max(self._next_at, now) + count / rate
