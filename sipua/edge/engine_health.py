"""Which engines can be reached, as far as the last connections tell.

Fed by every attempt of every call, read for each OPTIONS. A failure counts for `AGAIN_S`: then
the edge says again that it takes calls, and the next one is the test.
"""

from __future__ import annotations

from collections.abc import Iterable

AGAIN_S = 30.0


class EngineHealth:
    """Written by the loop, read by the signalling thread: the keys never change."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: of the engines that a call which comes in may end in."""
        self._missing_until = dict.fromkeys(names, 0.0)

    def tried(self, name: str, *, reached: bool, now: float) -> None:
        if name in self._missing_until:
            self._missing_until[name] = 0.0 if reached else now + AGAIN_S

    def missing_s(self, now: float) -> float:
        """For how long no engine is expected to be there; 0: one may be."""
        return max(0.0, min(self._missing_until.values(), default=0.0) - now)
