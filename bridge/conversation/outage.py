"""What a lost session leaves behind: whom to try next, and what the model still had to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from sipua.bridge.conversation.engine_order import Attempts, order_from
from sipua.bridge.conversation.policy import DialoguePolicy

# So many sessions of one engine in a row may end without an answer; then it is passed over.
_UNANSWERED: Final = 2


class Outages:
    def __init__(
        self, policy: DialoguePolicy, timeouts_s: Sequence[float], random: Callable[[], float]
    ) -> None:
        """`timeouts_s`: of one attempt, by choice."""
        self._policy = policy
        self._timeouts_s = timeouts_s
        self._random = random
        self._attempts: Attempts | None = None  # of an outage, until its end is proven
        self._unanswered: Counter[int] = Counter()
        self._from_s: float | None = None
        self.cause = ""
        self.owed = False
        """The model has to speak in the next session."""
        self.instructions: str | None = None
        """What it was asked to say and did not."""

    def first(self, now: float, within_s: float) -> Attempts:
        """All choices, in their order."""
        return self._search(range(len(self._timeouts_s)), now, within_s)

    def began(
        self, now: float, choice: int, cause: str, *, proven: bool, again: bool, unanswered: bool
    ) -> Attempts:
        """A session is lost. `proven`: it had worked; if not, this is still the outage before.

        `again`: the same engine may make another one. `unanswered`: it had the turn, and failed.
        """
        self.cause = cause
        self._from_s = now
        if unanswered:
            self._unanswered[choice] += 1
        if self._attempts is not None and not proven and not unanswered:
            self._attempts.failed(now, again=again)
            return self._attempts
        spent = frozenset(c for c, times in self._unanswered.items() if times >= _UNANSWERED)
        order = order_from(choice, len(self._timeouts_s), spent)
        if not again and order[:1] == [choice]:
            del order[0]
        self._attempts = self._search(order, now, self._policy.outage_s)
        return self._attempts

    def over(self, now: float) -> int:
        """A session is in use: how long there was none."""
        from_s, self._from_s = self._from_s, None
        return 0 if from_s is None else round((now - from_s) * 1000)

    def answered(self) -> None:
        """The engine has answered: whatever it failed to do before is forgiven."""
        self._unanswered.clear()

    def _search(self, order: Sequence[int], now: float, within_s: float) -> Attempts:
        return Attempts(
            order,
            self._timeouts_s,
            self._policy,
            now=now,
            until=now + within_s,
            random=self._random,
        )
