"""How many calls each trunk has, and may have. Any thread.

A slot is taken under the id of its call and given back under it, so that giving back twice, or
what was never taken, does no harm. Calls of both directions count for `max_calls`; each direction
has `calls_per_second` for itself: a flood of calls from a trunk shall not keep ours from it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["incoming", "outgoing"]
Rule: TypeAlias = Literal["max_calls", "calls_per_second"]

_SECOND = 1.0
_WHEN_FULL_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """0: none."""

    max_calls: int = 0
    calls_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Full:
    """The rule that keeps a call out."""

    trunk: str
    rule: Rule
    limit: int
    retry_after_s: float

    def __str__(self) -> str:
        return f"{self.rule} of trunk {self.trunk} is {self.limit}"


class TrunkSlots:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits: Mapping[str, Limits] = {}
        self._calls: dict[str, str] = {}
        """The trunk of each call."""
        self._up: Counter[str] = Counter()
        self._begun: defaultdict[tuple[str, Direction], deque[float]] = defaultdict(deque)
        """When calls of the last second began."""

    @property
    def limits(self) -> Mapping[str, Limits]:
        return self._limits

    def use(self, limits: Mapping[str, Limits]) -> None:
        """Calls that are up stay, also where there are more than are allowed now."""
        with self._lock:
            self._limits = limits
            for key in [key for key in self._begun if key[0] not in limits]:
                del self._begun[key]

    def calls(self, trunk: str) -> int:
        return self._up[trunk]

    def room(self, trunk: str) -> Full | None:
        """Why there is none for a call more; its rate is not looked at."""
        limit = self._limits.get(trunk, Limits()).max_calls
        if limit and self._up[trunk] >= limit:
            return Full(trunk, "max_calls", limit, _WHEN_FULL_S)
        return None

    def full(self, trunk: str, direction: Direction) -> Full | None:
        """Why a call may not begin now."""
        with self._lock:
            return self._full(trunk, direction)

    def take(self, trunk: str, call_id: str, direction: Direction) -> Full | None:
        """None: the call has a slot until it is given back."""
        with self._lock:
            full = self._full(trunk, direction)
            if full is None and call_id not in self._calls:
                self._take(trunk, call_id, direction)
            return full

    def move(self, call_id: str, trunk: str) -> Full | None:
        """Another trunk is to take a call that we place. None: it has its slot there from now on;
        else it has the old one."""
        with self._lock:
            if self._calls.get(call_id, trunk) == trunk:
                return None  # or it has ended
            full = self._full(trunk, "outgoing")
            if full is None:
                self._give_back(call_id)
                self._take(trunk, call_id, "outgoing")
            return full

    def give_back(self, call_id: str) -> None:
        with self._lock:
            self._give_back(call_id)

    def _take(self, trunk: str, call_id: str, direction: Direction) -> None:
        self._calls[call_id] = trunk
        self._up[trunk] += 1
        if self._limits.get(trunk, Limits()).calls_per_second:
            self._begun[trunk, direction].append(self._clock())

    def _give_back(self, call_id: str) -> None:
        trunk = self._calls.pop(call_id, None)
        if trunk is not None:
            self._up[trunk] -= 1
            if not self._up[trunk]:
                del self._up[trunk]

    def exchange(self, one: str, other: str) -> None:
        """Two calls change ids; either may have none."""
        with self._lock:
            found = {one: self._calls.pop(other, ""), other: self._calls.pop(one, "")}
            self._calls |= {call_id: trunk for call_id, trunk in found.items() if trunk}

    def _full(self, trunk: str, direction: Direction) -> Full | None:
        if full := self.room(trunk):
            return full
        limit = self._limits.get(trunk, Limits()).calls_per_second
        if not limit:
            return None
        begun, now = self._begun[trunk, direction], self._clock()
        while begun and begun[0] <= now - _SECOND:
            begun.popleft()
        if len(begun) < limit:
            return None
        wait_s = begun[len(begun) - limit] + _SECOND - now
        return Full(trunk, "calls_per_second", limit, wait_s)
