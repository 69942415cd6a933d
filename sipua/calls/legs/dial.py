"""A transfer by a second leg, as a table: state × event → state, with what is to be done.

    placing ─▶ ringing ─▶ joined ─▶ settled            the call goes on without the agent
       │          │         └─ the target leaves within `settle_s`: failed, the agent is back
       └──────────┴─ refused, not answered in time, given up: failed, the agent is back

A warm one has a state more, in which the target hears who waits, and the caller nothing of it:

    ringing ─▶ briefing ─ accepted ─▶ joined ─▶ settled
                  ├─ declined, no decision in time, hung up, voicemail: failed, the agent is back
                  └─ the caller leaves ─▶ excusing: the target hears one sentence, then BYE

No clock and no I/O: `now` comes in, the deadline and what to do go out. `Dialling` (dialling.py)
does it. Every state ends: a phone rings for `ring_s` at most, a briefing has an end, and `joined`
becomes `settled` by itself. The caller may leave at each of them: then the other leg ends at once.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final, TypeAlias

from sipua.calls.legs.modes import Mode
from sipua.calls.legs.outcome import Cause, TransferOutcome, cause_of

REQUEST_TERMINATED: Final = 487
REQUEST_TIMEOUT: Final = 408
UNAVAILABLE: Final = 480
DECLINE: Final = 603


class State(enum.StrEnum):
    PLACING = "placing"  # the INVITE is on its way
    RINGING = "ringing"  # a provisional answer came
    BRIEFING = "briefing"  # answered: the target hears who waits, and decides
    JOINED = "joined"  # answered: both hear each other, the agent could still come back
    SETTLED = "settled"  # the transfer has succeeded
    EXCUSING = "excusing"  # the caller has left a target that was being briefed, which is told so
    FAILED = "failed"
    OVER = "over"  # behind `settled` or `excusing`: both sides have left


class Input(enum.StrEnum):
    PROGRESS = "progress"
    ANSWERED = "answered"
    ACCEPTED = "accepted"  # the target takes the call
    REFUSED = "refused"  # the target declines it, or is a machine
    EXCUSED = "excused"  # it has heard that the caller has left
    LEG_ENDED = "leg_ended"
    CALLER_LEFT = "caller_left"
    TIME = "time"  # the deadline has passed
    GIVEN_UP = "given_up"


class Do(enum.StrEnum):
    BRIEF = "brief"
    JOIN = "join"
    EXCUSE = "excuse"  # tell the target that the caller has left
    END_LEG = "end_leg"  # CANCEL or BYE
    END_CALL = "end_call"  # BYE to the caller


S, E = State, Input

Transitions: TypeAlias = dict[tuple[State, Input], tuple[State, Do | None]]

TRANSITIONS: Final[Transitions] = {
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

WARM: Final[Transitions] = TRANSITIONS | {
    (S.PLACING, E.ANSWERED): (S.BRIEFING, Do.BRIEF),
    (S.RINGING, E.ANSWERED): (S.BRIEFING, Do.BRIEF),
    (S.BRIEFING, E.ACCEPTED): (S.JOINED, Do.JOIN),
    (S.BRIEFING, E.REFUSED): (S.FAILED, Do.END_LEG),
    (S.BRIEFING, E.LEG_ENDED): (S.FAILED, None),
    (S.BRIEFING, E.CALLER_LEFT): (S.EXCUSING, Do.EXCUSE),
    (S.BRIEFING, E.TIME): (S.FAILED, Do.END_LEG),
    (S.BRIEFING, E.GIVEN_UP): (S.FAILED, Do.END_LEG),
    (S.EXCUSING, E.EXCUSED): (S.OVER, Do.END_LEG),
    (S.EXCUSING, E.TIME): (S.OVER, Do.END_LEG),
    (S.EXCUSING, E.LEG_ENDED): (S.OVER, None),
    (S.EXCUSING, E.GIVEN_UP): (S.OVER, Do.END_LEG),
}
"""Of a target that is briefed first."""

LONGEST_BRIEFING_S: Final = 60.0
"""From the answer to the end of a briefing that the target only listens to."""
LONGEST_EXCUSE_S: Final = 6.0
"""For the sentence that tells a target that the caller has left."""


@dataclass(frozen=True, slots=True)
class DialTimes:
    ring_s: float = 30.0
    """From the INVITE to the answer."""
    settle_s: float = 3.0
    """A target that leaves within this time after its answer was not reached: the agent is back."""
    accept_s: float = 20.0
    """From the end of its briefing a target has so long to accept."""


class DialAttempt:
    """One leg `b`, from its INVITE on."""

    def __init__(
        self, times: DialTimes, now: float, *, warm: bool = False, talk_s: float | None = None
    ) -> None:
        """`talk_s`: so long the target may talk with an agent before it decides."""
        self.state = State.PLACING
        self.deadline = now + times.ring_s
        """When `on_time` is due; infinite: never."""
        self.outcome: TransferOutcome | None = None
        """From `settled`, `failed` or `over` on."""
        self.phases: dict[str, int] = {}
        self._mode: Mode = "warm" if warm else "dial"
        self._table = WARM if warm else TRANSITIONS
        self._times = times
        self._longest_s = LONGEST_BRIEFING_S + times.accept_s if talk_s is None else talk_s
        self._began = now

    def on_progress(self, now: float) -> Do | None:
        return self._step(Input.PROGRESS, now)

    def on_answered(self, now: float) -> Do | None:
        return self._step(Input.ANSWERED, now)

    def on_briefed(self, now: float) -> None:
        """The target has heard what there is to hear: it has so long to decide."""
        if self.state is State.BRIEFING and "briefed" not in self.phases:
            self.phases["briefed"] = self._since_ms(now)
            self.deadline = min(self.deadline, now + self._times.accept_s)

    def on_accepted(self, now: float) -> Do | None:
        return self._step(Input.ACCEPTED, now)

    def on_refused(self, cause: Cause, reason: str, now: float) -> Do | None:
        """`cause`: declined, voicemail."""
        status = DECLINE if cause == "declined" else UNAVAILABLE
        return self._step(Input.REFUSED, now, status, reason, cause)

    def on_excused(self, now: float) -> Do | None:
        return self._step(Input.EXCUSED, now)

    def on_leg_ended(
        self, status: int, reason: str, now: float, cause: Cause | None = None
    ) -> Do | None:
        """`cause`: where the status does not say it."""
        if self.state in (State.JOINED, State.BRIEFING):
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
        if self.state is State.BRIEFING:
            waited_s = self._times.accept_s if "briefed" in self.phases else self._longest_s
            waited = f"not accepted within {waited_s:g} s"
            return self._step(Input.TIME, now, REQUEST_TIMEOUT, waited, "accept_timeout")
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
        following = self._table.get((self.state, event))
        if following is None:
            return None
        self.state, action = following
        self.phases.setdefault(self.state, self._since_ms(now))
        self.deadline = self._deadline(now)
        if self.outcome is None and self.state in (State.SETTLED, State.OVER):
            self.outcome = TransferOutcome(True, 200, "joined", mode=self._mode, phases=self.phases)
        elif self.outcome is None and self.state in (State.FAILED, State.EXCUSING):
            self.outcome = TransferOutcome(
                False, status, reason, cause, mode=self._mode, phases=self.phases
            )
        return action

    def _deadline(self, now: float) -> float:
        match self.state:
            case State.RINGING:
                return self._began + self._times.ring_s
            case State.BRIEFING:
                return now + self._longest_s
            case State.JOINED:
                return now + self._times.settle_s
            case State.EXCUSING:
                return now + LONGEST_EXCUSE_S
        return math.inf

    def _since_ms(self, now: float) -> int:
        return round((now - self._began) * 1000)
