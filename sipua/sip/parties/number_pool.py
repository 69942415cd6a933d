"""Which of our numbers a call shows: a pool of them, each with its caps. No clock and no I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Literal, TypeAlias

Choice: TypeAlias = Literal["round_robin", "sticky", "local_presence"]
PoolRule: TypeAlias = Literal["max_calls_per_day", "max_calls", "rest_h"]

UNWANTED: Final = frozenset({603, 607, 608})
"""Decline, Unwanted (RFC 8197), Rejected (RFC 8688): the callee, or a filter, does not want this
number."""
_WHEN_BUSY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    numbers: tuple[str, ...]
    choice: Choice = "round_robin"
    max_calls_per_day: int = 0
    """Of each number, as the next one; 0: any number."""
    max_calls: int = 0
    rest_s: float = 0.0
    """After a callee did not want it."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a number."""

    today: int = 0
    up: int = 0
    last_s: float = 0.0
    """When it began its last call."""
    rest_until_s: float = 0.0


_UNUSED: Final = Use()


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No number may be used now."""

    pool: str
    rule: PoolRule
    cause: str
    retry_after_s: float


def choose(
    pool: Pool,
    destination: str,
    uses: Mapping[str, Use],
    now_s: float,
    *,
    before: str = "",
    day_ends_s: float,
) -> str | Exhausted:
    """`before`: the number that this destination was called with the last time. Times: of the wall
    clock, as the counts outlive the process.
    """
    free = [one for one in pool.numbers if not _rule(pool, uses.get(one, _UNUSED), now_s)]
    if not free:
        return _exhausted(pool, uses, now_s, day_ends_s)
    if pool.choice == "sticky" and before in free:
        return before
    alike = {one: _alike(one, destination) for one in free}
    by_use = sorted(free, key=lambda one: uses.get(one, _UNUSED).last_s)
    if pool.choice == "local_presence":
        return max(by_use, key=lambda one: alike[one])
    return by_use[0]


def _alike(number: str, destination: str) -> int:
    same = (a == b for a, b in zip(number, destination, strict=False))
    return sum(takewhile(bool, same))


def _rule(pool: Pool, use: Use, now_s: float) -> PoolRule | None:
    """What keeps the number from another call."""
    if now_s < use.rest_until_s:
        return "rest_h"
    if pool.max_calls_per_day and use.today >= pool.max_calls_per_day:
        return "max_calls_per_day"
    if pool.max_calls and use.up >= pool.max_calls:
        return "max_calls"
    return None


def _exhausted(pool: Pool, uses: Mapping[str, Use], now_s: float, day_ends_s: float) -> Exhausted:
    """The rule is that of the number which is free again first."""
    waits: list[tuple[float, PoolRule]] = []
    for number in pool.numbers:
        use = uses.get(number, _UNUSED)
        match rule := _rule(pool, use, now_s):
            case "max_calls":
                waits.append((_WHEN_BUSY_S, rule))
            case "rest_h":
                waits.append((use.rest_until_s - now_s, rule))
            case "max_calls_per_day":
                waits.append((day_ends_s - now_s, rule))
    wait_s, rule = min(waits)
    counts = {name: sum(found == name for _, found in waits) for name in _WORDS}
    words = [f"{count} {_WORDS[name]}" for name, count in counts.items() if count]
    cause = f"no number of pool {pool.name} is free: {', '.join(words)}"
    return Exhausted(pool.name, rule, cause, max(1.0, math.ceil(wait_s)))


_WORDS: Final[Mapping[PoolRule, str]] = {
    "max_calls": "in max_calls calls",
    "max_calls_per_day": "had max_calls_per_day today",
    "rest_h": "not wanted by a callee, for rest_h",
}
