"""Waiting times that grow with each failure in a row: what all that try again have in common.

A part of each wait is left to chance, so that callers, calls and machines that failed together do
not come back together.
"""

from __future__ import annotations

from collections.abc import Callable

# From here on it is `longest_s` for any sensible pair; 2.0 ** 1024 would be an OverflowError.
_MOST_DOUBLINGS = 30


def doubled_s(first_s: float, times: int, longest_s: float) -> float:
    """`first_s`, doubled so many times, but `longest_s` at the most."""
    return min(first_s * 2.0 ** min(times, _MOST_DOUBLINGS), longest_s)


def less_by_chance(wait_s: float, random: Callable[[], float], *, share: float = 0.5) -> float:
    """Up to that share of it taken off; `random` gives 0 to 1."""
    return wait_s * (1.0 - share + share * random())


class BackOff:
    """Counts the failures in a row; half of each wait is chance."""

    __slots__ = ("_first_s", "_longest_s", "_random", "_times")

    def __init__(self, first_s: float, longest_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._times = 0

    def next_s(self) -> float:
        whole = doubled_s(self._first_s, self._times, self._longest_s)
        self._times += 1
        return less_by_chance(whole, self._random)

    def reset(self) -> None:
        self._times = 0
