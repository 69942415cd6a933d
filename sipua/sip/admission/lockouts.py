"""Users that are locked out at one source, after wrong passwords from there.

By source and user together: an attacker locks out itself, and not the phone with the password. It
cannot pretend to be at the phone's address: a failure counts only with a nonce that was sent there.
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 5
"""In a row, each within `FORGOTTEN_S` of the one before."""
LOCKED_S: Final = 60.0
FORGOTTEN_S: Final = 300.0
MOST: Final = 4096
"""Pairs that are remembered; of more, those that failed first are forgotten."""

Pair = tuple[str, str]


class Lockouts:
    """Pure: `now` is passed in."""

    def __init__(self) -> None:
        self._failed: dict[Pair, tuple[int, float]] = {}
        """How often, and when last."""

    def locked(self, source: str, user: str, now: float) -> bool:
        failures, last = self._failed.get((source, user), (0, 0.0))
        return failures >= FAILURES and now < last + LOCKED_S

    def failed(self, source: str, user: str, now: float) -> None:
        pair = source, user
        failures, last = self._failed.pop(pair, (0, now))
        if now >= last + FORGOTTEN_S or failures >= FAILURES:
            failures = 0  # that time is over
        if len(self._failed) >= MOST:
            del self._failed[next(iter(self._failed))]
        self._failed[pair] = failures + 1, now

    def succeeded(self, source: str, user: str) -> None:
        self._failed.pop((source, user), None)
