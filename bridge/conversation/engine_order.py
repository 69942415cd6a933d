"""Which engine is tried, and when: the second one after the first, within the time that is left.

    order ─▶ a choice ─▶ attempt ─▶ failed, worth another: wait, longer each time ─┐
               ▲           ▲                                                       │
               │           └───────────────────────────────────────────────────────┘
               └─ the next one: this one's share of the time is over, or asking it again is vain

The time that is left is shared evenly among the choices that are left, so that an engine that
never answers does not use up what the next one needs; time that one does not use is the others'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sipua.bridge.backoff import BackOff
from sipua.bridge.conversation.policy import DialoguePolicy

# An attempt that has less time than this would fail for that alone.
_SHORTEST_ATTEMPT_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Attempt:
    choice: int
    wait_s: float
    timeout_s: float


class Attempts:
    """One search for a session: `next`, then `failed` as long as there is a next one."""

    def __init__(
        self,
        order: Sequence[int],
        timeouts_s: Sequence[float],
        policy: DialoguePolicy,
        *,
        now: float,
        until: float,
        random: Callable[[], float],
    ) -> None:
        """`timeouts_s`: of one attempt, by choice."""
        self._left = list(order)
        self._timeouts_s = timeouts_s
        self._backoff = BackOff(policy.backoff_s, policy.backoff_max_s, random)
        self._until = until
        self._not_before = now
        self._share_until: float | None = None
        self.began = now

    def next(self, now: float) -> Attempt | None:
        """None: no engine is left, or no time."""
        while self._left:
            start = max(now, self._not_before)
            if self._share_until is None:
                self._share_until = now + (self._until - now) / len(self._left)
            time_left_s = self._share_until - start
            if time_left_s >= _SHORTEST_ATTEMPT_S:
                choice = self._left[0]
                timeout_s = min(self._timeouts_s[choice], time_left_s)
                return Attempt(choice, start - now, timeout_s)
            self._give_up(now)
        return None

    def failed(self, now: float, *, again: bool, retry_after_s: float | None = None) -> None:
        """`again`: the same choice may succeed later, and not before `retry_after_s`."""
        if not self._left:
            return
        if not again:
            self._give_up(now)
            return
        self._not_before = now + max(self._backoff.next_s(), retry_after_s or 0.0)

    def _give_up(self, now: float) -> None:
        del self._left[0]
        self._share_until = None
        self._not_before = now
        self._backoff.reset()


def order_from(current: int, choices: int, without: frozenset[int] = frozenset()) -> list[int]:
    """The current one first, then those after it, then those before it: they may be back."""
    turn = [(current + step) % choices for step in range(choices)]
    return [choice for choice in turn if choice not in without]
