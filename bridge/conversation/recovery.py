"""How patient a conversation is with its engine: the policy, and who is tried when.

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

# An attempt that has less time than this would fail for that alone.
_SHORTEST_ATTEMPT_S: Final = 0.1

DEFAULT_PHRASE: Final = (
    "The line was interrupted for a moment. Say so in one short sentence, in the language of the "
    "conversation, and then go on where it stopped: do not greet again."
)


@dataclass(frozen=True, slots=True)
class DialoguePolicy:
    """What the configuration says about engines that fail, stall or expire."""

    backoff_s: float = 0.25
    """Before the second attempt; doubled for each one after it, less up to half by chance."""
    backoff_max_s: float = 2.0
    outage_s: float = 15.0
    """Longest time without an engine in a call, all choices together."""
    phrase: str = DEFAULT_PHRASE
    """What the model is told after an outage when it was its turn. Empty: only to go on."""
    filler_after_s: float = 2.0
    """It is the model's turn and it gives no sign of life: the caller hears a filler; 0: never."""
    silent_after_s: float = 8.0
    """It is the model's turn and it says nothing; 0: never mind."""
    response_retries: int = 3
    """How often a response that failed is asked for again."""
    rotate_after_s: float = 3300.0
    """Age at which a session is replaced in a quiet moment; 0: never."""
    rotate_latest_s: float = 3540.0
    """Age at which the next pause between two responses must do."""
    history_items: int = 100
    history_chars: int = 24_000
    history_speech_s: float = 60.0
    """Of the caller's turns of which there is no transcript."""
    caller_audio_s: float = 20.0
    """What the caller said last, kept for the next session."""


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
        """None: nobody is left, or no time."""
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


class Rotation:
    """When a session is to be replaced because sessions do not live for ever."""

    __slots__ = ("_backoff", "_due", "_latest", "_policy", "_random")

    def __init__(self, policy: DialoguePolicy, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._backoff = BackOff(2.0, 10.0, random)
        self._due = self._latest = float("inf")

    def began(self, now: float) -> None:
        """A session is in use from now on."""
        self._backoff.reset()
        if self._policy.rotate_after_s > 0:
            # Calls that began together should not all connect anew at the same moment.
            self._due = now + self._policy.rotate_after_s * (1 - 0.05 * self._random())
            self._latest = now + self._policy.rotate_latest_s

    def ended(self) -> None:
        self._due = self._latest = float("inf")

    @property
    def due(self) -> float:
        return self._due

    def failed(self, now: float) -> None:
        """The next session could not be made, or the conversation went on without it."""
        self._due = now + self._backoff.next_s()

    def urgent(self, now: float) -> bool:
        """No more waiting for a quiet moment."""
        return now >= self._latest
