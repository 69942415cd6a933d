"""A transfer by a second leg, as a table: state × event → state, with what is to be done.

    placing ─▶ ringing ─▶ joined ─▶ settled            the call goes on without the agent
       │          │         └─ the target leaves within `settle_s`: failed, the agent is back
       └──────────┴─ refused, not answered in time, given up: failed, the agent is back

No clock and no I/O: `now` comes in, the deadline and what to do go out. `Dialling` (dialling.py)
does it. Every state ends: a phone rings for `ring_s` at most, and `joined` becomes `settled` by
itself. The caller may leave at each of them: then the other leg ends at once.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

from sipua.calls.legs.outcome import Cause, TransferOutcome, cause_of

REQUEST_TERMINATED: Final = 487
REQUEST_TIMEOUT: Final = 408


class State(enum.StrEnum):
    PLACING = "placing"  # the INVITE is on its way
    RINGING = "ringing"  # a provisional answer came
    JOINED = "joined"  # answered: both hear each other, the agent could still come back
    SETTLED = "settled"  # the transfer has succeeded
    FAILED = "failed"
    OVER = "over"  # behind `settled`: a side has left


class Input(enum.StrEnum):
    PROGRESS = "progress"
    ANSWERED = "answered"
    LEG_ENDED = "leg_ended"
    CALLER_LEFT = "caller_left"
    TIME = "time"  # the deadline has passed
    GIVEN_UP = "given_up"


class Do(enum.StrEnum):
    JOIN = "join"
    END_LEG = "end_leg"  # CANCEL or BYE
    END_CALL = "end_call"  # BYE to the caller


S, E = State, Input

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Do | None]]] = {
    (S.PLACING, E.PROGRESS): (S.RINGING, None),
    (S.PLACING, E.ANSWERED): (S.JOINED, Do.JOIN),
    (S.PLACING, E.LEG_ENDED): (S.FAILED, None),
    (S.PLACING, E.CALLER_LEFT): (S.FAILED, Do.END_LEG),  # RFC 3261 9.1: CANCEL
    (S.PLACING, E.TIME): (S.FAILED, Do.END_LEG),
    (S.PLACING, E.GIVEN_UP): (S.FAILED, Do.END_LEG),
    (S.RINGING, E.ANSWERED): (S.JOINED, Do.JOIN),
    (S.RINGING, E.LEG_ENDED): (S.FAILED, None),
    (S.RINGING, E.CALLER_LEFT): (S.FAILED, Do.END_LEG),
    (S.RINGING, E.TIME): (S.FAILED, Do.END_LEG),
    (S.RINGING, E.GIVEN_UP): (S.FAILED, Do.END_LEG),
    (S.JOINED, E.LEG_ENDED): (S.FAILED, None),
    (S.JOINED, E.CALLER_LEFT): (S.OVER, Do.END_LEG),  # they have talked: it has succeeded
    (S.JOINED, E.TIME): (S.SETTLED, None),
    (S.JOINED, E.GIVEN_UP): (S.FAILED, Do.END_LEG),
    (S.SETTLED, E.LEG_ENDED): (S.OVER, Do.END_CALL),
    (S.SETTLED, E.CALLER_LEFT): (S.OVER, Do.END_LEG),
    (S.SETTLED, E.GIVEN_UP): (S.OVER, Do.END_LEG),
}
"""A missing entry: ignore it, the race was lost (both BYEs at once; a CANCEL against a 200, which
signalling ends by itself)."""


@dataclass(frozen=True, slots=True)
class DialTimes:
    ring_s: float = 30.0
    """From the INVITE to the answer."""
    settle_s: float = 3.0
    """A target that leaves within this time after its answer was not reached: the agent is back."""


class DialAttempt:
    """One leg `b`, from its INVITE on."""

    def __init__(self, times: DialTimes, now: float) -> None:
        self.state = State.PLACING
        self.deadline = now + times.ring_s
        """When `on_time` is due; infinite: never."""
        self.outcome: TransferOutcome | None = None
        """From `settled`, `failed` or `over` on."""
        self.phases: dict[str, int] = {}
        self._times = times
        self._began = now

    def on_progress(self, now: float) -> Do | None:
        return self._step(Input.PROGRESS, now)

    def on_answered(self, now: float) -> Do | None:
        return self._step(Input.ANSWERED, now)

    def on_leg_ended(
        self, status: int, reason: str, now: float, cause: Cause | None = None
    ) -> Do | None:
        """`cause`: where the status does not say it."""
        if self.state is State.JOINED:
            status, reason, cause = 200, reason or "hung up", "target_left"
        return self._step(Input.LEG_ENDED, now, status, reason, cause or cause_of(status))

    def on_caller_left(self, now: float) -> Do | None:
        reason = "the caller has hung up"
        return self._step(Input.CALLER_LEFT, now, REQUEST_TERMINATED, reason, "caller_left")

    def on_given_up(self, reason: str, now: float) -> Do | None:
        """By a fault of ours, or because the call ends."""
        return self._step(Input.GIVEN_UP, now, REQUEST_TERMINATED, reason, "internal")

    def on_time(self, now: float) -> Do | None:
        if now < self.deadline:
            return None
        waited = f"not answered within {self._times.ring_s:g} s"
        # A phone rings, or at least something is there; without any word nothing was reached.
        cause: Cause = "no_answer" if self.state is State.RINGING else "unreachable"
        return self._step(Input.TIME, now, REQUEST_TIMEOUT, waited, cause)

    def _step(
        self,
        event: Input,
        now: float,
        status: int = 200,
        reason: str = "",
        cause: Cause | None = None,
    ) -> Do | None:
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            return None
        self.state, action = following
        self.phases.setdefault(self.state, round((now - self._began) * 1000))
        self.deadline = now + self._times.settle_s if self.state is State.JOINED else math.inf
        if self.state is State.RINGING:
            self.deadline = self._began + self._times.ring_s
        if self.outcome is None and self.state in (State.SETTLED, State.OVER):
            self.outcome = TransferOutcome(True, 200, "joined", mode="dial", phases=self.phases)
        elif self.outcome is None and self.state is State.FAILED:
            self.outcome = TransferOutcome(
                False, status, reason, cause, mode="dial", phases=self.phases
            )
        return action
