"""When spare connections are opened, given away and closed: decisions without I/O and a clock.

    opening ─▶ waiting ─▶ taken by a session; another one soon after
       │          ├─ old ─▶ closed; another one
       │          └─ lost ─▶ another one: soon if it had lived, else later each time
       └─ failed: one attempt after the other, later each time

A server that refuses connections, or drops them, is so asked as seldom as by calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sipua.bridge.backoff import BackOff, less_by_chance

Connection = TypeVar("Connection")

# Not at once: opening takes the loop from the call that has just taken one.
REFILL_S: Final = 0.05
# A connection that lived so long was no mistake.
PROVEN_S: Final = 30.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
# The key is wrong, or the address: only a change at the vendor helps.
VAIN_WAIT_S: Final = 300.0


@dataclass(slots=True, eq=False)
class Waiting(Generic[Connection]):
    connection: Connection
    opened_s: float
    until_s: float


class SparePlan(Generic[Connection]):
    """The spare connections to one address."""

    def __init__(self, wanted: int, max_age_s: float, random: Callable[[], float]) -> None:
        self._wanted = wanted
        self._max_age_s = max_age_s
        self._random = random
        self._waiting: list[Waiting[Connection]] = []  # the oldest first
        self._opening = 0
        self._not_before = 0.0
        self._refused = BackOff(FIRST_WAIT_S, LONGEST_WAIT_S, random)
        self._died = BackOff(FIRST_WAIT_S, LONGEST_WAIT_S, random)
        self._failing = False
        self._dying = False
        self._over = False
        self.counters: Counter[str] = Counter(
            dict.fromkeys(("opened", "failed", "used", "missed", "unfit", "old", "lost"), 0)
        )
        """`missed`: sessions that found none."""

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def to_open(self, now: float) -> int:
        """How many are to be opened now; each of them ends in `opened` or `failed`."""
        if self._over or now < self._not_before:
            return 0
        missing = (1 if self._failing else self._wanted - len(self._waiting)) - self._opening
        self._opening += max(0, missing)
        return max(0, missing)

    def old(self, now: float) -> list[Connection]:
        """Those that are to be closed now."""
        gone = [one.connection for one in self._waiting if now >= one.until_s]
        self._waiting = [one for one in self._waiting if now < one.until_s]
        self.counters["old"] += len(gone)
        return gone

    def due(self) -> float:
        """When `old` and `to_open` are to be asked again."""
        times = [one.until_s for one in self._waiting]
        if len(self._waiting) + self._opening < self._wanted and not (
            self._failing and self._opening
        ):
            times.append(self._not_before)
        return float("inf") if self._over else min(times, default=float("inf"))

    def opened(self, connection: Connection, now: float) -> bool:
        """Whether it ends a time of failures. After `end`, the connection is no use."""
        self._opening -= 1
        self.counters["opened"] += 1
        # Those that were opened together should not all be replaced together.
        age_s = less_by_chance(self._max_age_s, self._random, share=0.1)
        self._waiting.append(Waiting(connection, now, now + age_s))
        self._refused.reset()
        failing, self._failing = self._failing, False
        return failing

    def failed(self, now: float, *, again: bool, retry_after_s: float | None = None) -> bool:
        """Whether it is the first failure of several, and so news. `again`: the same may succeed
        later.
        """
        self._opening -= 1
        self.counters["failed"] += 1
        wait_s = self._refused.next_s() if again else VAIN_WAIT_S
        self._not_before = now + max(wait_s, retry_after_s or 0.0)
        failing, self._failing = self._failing, True
        return not failing

    def lost(self, connection: Connection, now: float) -> bool:
        """It has ended while it waited; whether it is the first of several that did so soon."""
        one = self._drop(connection)
        if one is None:
            return False
        self.counters["lost"] += 1
        if now - one.opened_s >= PROVEN_S:
            self._lives()
            self._soon(now)
            return False
        self._not_before = max(self._not_before, now + self._died.next_s())
        dying, self._dying = self._dying, True
        return not dying

    def take(self, fit: Callable[[Connection], bool], now: float) -> Connection | None:
        """The oldest one that is fit for a session."""
        for one in self._waiting:
            if now < one.until_s and fit(one.connection):
                self._waiting.remove(one)
                self.counters["used"] += 1
                if now - one.opened_s >= PROVEN_S:
                    self._lives()
                self._soon(now)
                return one.connection
        self.counters["missed"] += not self._over
        return None

    def unfit(self, now: float) -> list[Connection]:
        """No session could be made over one that was taken: the others may be as dead, and are to
        be closed.
        """
        self.counters["unfit"] += 1
        self._not_before = max(self._not_before, now + self._died.next_s())
        return self._all()

    def reached(self, now: float) -> None:
        """A session's own connection was opened: no more waiting, if the address was refused."""
        if self._failing:
            self._not_before = min(self._not_before, now + REFILL_S)

    def end(self) -> list[Connection]:
        """Those that are to be closed; none is opened any more."""
        self._over = True
        return self._all()

    def _all(self) -> list[Connection]:
        gone = [one.connection for one in self._waiting]
        self._waiting.clear()
        return gone

    def _drop(self, connection: Connection) -> Waiting[Connection] | None:
        for one in self._waiting:
            if one.connection is connection:
                self._waiting.remove(one)
                return one
        return None

    def _lives(self) -> None:
        self._died.reset()
        self._dying = False

    def _soon(self, now: float) -> None:
        if self._not_before <= now:
            self._not_before = now + REFILL_S
