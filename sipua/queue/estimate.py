"""How long a caller will wait, as far as can be said: by how long the last ones were served."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 0.1
"""Of the last one: the mean follows about twenty callers."""
LEAST: Final = 3
"""Callers that were served before anything is said."""


class Estimate:
    """Of one queue. Each of its servers is free again after the mean time of service."""

    def __init__(self) -> None:
        self._count = 0
        self._mean_s = 0.0

    def served(self, for_s: float) -> None:
        """From the turn of a caller until its server was free again."""
        self._count += 1
        # The first ones count alike: otherwise the very first would weigh for long.
        self._mean_s += (for_s - self._mean_s) * max(_WEIGHT, 1 / self._count)

    def wait_s(self, position: int, servers: int) -> float | None:
        """None: too little is known."""
        if self._count < LEAST or servers < 1:
            return None
        return position * self._mean_s / servers
