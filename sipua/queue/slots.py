"""The slots of engines: which calls have an agent, and of which engine there is one left.

A call has one slot from the moment that an agent is to take it until the agent has left: however
often its session is reconnected, replaced before its time or resumed meanwhile, and also while the
agent is aside, because the call may come back to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineState:
    """To look at."""

    name: str
    calls: int
    max_calls: int


class EngineSlots:
    def __init__(self) -> None:
        self._limits: Mapping[str, int] = {}
        self._held: dict[str, str] = {}
        """The engine of each call."""
        self._taken: Counter[str] = Counter()
        self._left: set[str] = set()
        """Calls that will have no agent again; a late word of their engine is none."""

    def use(self, limits: Mapping[str, int]) -> None:
        """By the engine's name; one that is not there has no limit."""
        self._limits = limits

    def room(self, engine: str) -> bool:
        limit = self._limits.get(engine)
        return limit is None or self._taken[engine] < limit

    def take(self, call_id: str, engine: str) -> None:
        """Also when there is no room: the call has it already. Another one is given back."""
        if call_id not in self._left:
            self.give_back(call_id)
            self._held[call_id] = engine
            self._taken[engine] += 1

    def give_back(self, call_id: str) -> bool:
        """Whether it had one."""
        engine = self._held.pop(call_id, None)
        if engine is None:
            return False
        self._taken[engine] -= 1
        return True

    def leave(self, call_id: str) -> None:
        """The agent has left for good; the slot is still to be given back."""
        self._left.add(call_id)

    def over(self, call_id: str) -> None:
        """The call has ended; the same."""
        self._left.discard(call_id)

    def engine_of(self, call_id: str) -> str | None:
        """None: the call has no slot."""
        return self._held.get(call_id)

    def taken(self, engine: str) -> int:
        return self._taken[engine]

    def states(self) -> list[EngineState]:
        """Of the engines that have a limit."""
        return [EngineState(name, self._taken[name], most) for name, most in self._limits.items()]

    def __len__(self) -> int:
        return len(self._held) + len(self._left)
