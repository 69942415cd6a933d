"""The reachability of engines, by the last connections.

Fed by every attempt of every call, read for each OPTIONS. A failure counts for `AGAIN_S`: then
the edge reports again that it takes calls, and the next call is the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

AGAIN_S = 30.0

Attempt: TypeAlias = Callable[[str, bool], None]
"""Called with the name of an engine, and whether it was reached."""


class EngineHealth:
    """The health of engines. The loop writes, the signalling thread reads: a dictionary never gets
    other keys, but another one takes its place."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: of the engines that an incoming call may use."""
        self._missing_until = dict.fromkeys(names, 0.0)
        self._readers: list[Attempt] = []

    def use(self, names: Iterable[str]) -> None:
        """Other engines; what is known of the same ones stays."""
        self._missing_until = {name: self._missing_until.get(name, 0.0) for name in names}

    def subscribe(self, reader: Attempt) -> None:
        """To each attempt, of all engines: attempts are too many for the stream of events."""
        self._readers.append(reader)

    def tried(self, name: str, *, reached: bool, now: float) -> None:
        if name in self._missing_until:
            self._missing_until[name] = 0.0 if reached else now + AGAIN_S
        for reader in self._readers:
            reader(name, reached)

    def missing_s(self, now: float) -> float:
        """How long no engine is expected; 0: one may be there."""
        return max(0.0, min(self._missing_until.values(), default=0.0) - now)
