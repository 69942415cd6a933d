"""Several second legs of a call at once: the first that answers is joined to it, the others end.

    placing ─▶ ringing ─┬─ the first answer ─▶ joined ─▶ settled        as in dial.py, for each leg
                        └─ another one's answer, the end of the call: CANCEL, or BYE

The caller has no agent meanwhile, and hears what whoever waits for this gives it. What happens to
each leg says a `DialAttempt` of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan
from sipua.calls.legs import leg_end
from sipua.calls.legs.dial import DialAttempt, DialTimes, Do, State
from sipua.calls.legs.dialling import DialledCall, LegSignal
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.legs.outcome import Cause
from sipua.codecs.pcm import Pcm
from sipua.events import call_events
from sipua.events.ending import Reason
from sipua.rtp.events import Frame, MediaTimeout, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallInvited,
    CallProgress,
    Hangup,
    MediaReady,
    NegotiatedMedia,
)

ANSWERED_ELSEWHERE: Final = "another one has answered"


@dataclass(frozen=True, slots=True)
class RingOutcome:
    answered: str = ""
    """Who has; empty: nobody."""
    stayed: bool = False
    """It has not hung up at once."""
    failed: dict[str, Cause] = field(default_factory=dict)
    """The others, but for those that were called off."""


@dataclass(slots=True)
class _Callee:
    name: str
    leg_id: str
    target: str
    attempt: DialAttempt
    leg: MediaLeg | None = None
    held: ExitStack | None = None
    timer: asyncio.TimerHandle | None = None
    called_off: bool = False
    closed: bool = False


class Ringing:
    """`run` ends with the outcome; the leg that was joined lives on until a side leaves."""

    def __init__(
        self,
        call: DialledCall,
        callees: Mapping[str, tuple[str, str]],
        *,
        account: str,
        times: DialTimes,
        hold_sound: Pcm | None,
        media_plan: Callable[[NegotiatedMedia], MediaPlan],
        on_answered: Callable[[str, Mapping[str, Cause]], None],
    ) -> None:
        """`callees`: by name the leg's id and the target. `on_answered`: told before both are
        joined, with those that have failed by then."""
        self._call = call
        self._account = account
        self._hold_sound = hold_sound
        self._media_plan = media_plan
        self._on_answered = on_answered
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._callees = {
            leg_id: _Callee(name, leg_id, target, DialAttempt(times, now))
            for name, (leg_id, target) in callees.items()
        }
        self._first: _Callee | None = None
        self._decided = asyncio.Event()

    @property
    def leg_ids(self) -> Collection[str]:
        return self._callees.keys()

    @property
    def up(self) -> bool:
        """Whether a leg is there, or is being placed."""
        over = (State.FAILED, State.OVER)
        return any(one.attempt.state not in over for one in self._callees.values())

    @property
    def joined(self) -> bool:
        """Whether one talks with the caller."""
        talking = (State.JOINED, State.SETTLED)
        return self._first is not None and self._first.attempt.state in talking

    async def run(self) -> RingOutcome:
        for one in self._callees.values():
            self._call.send(PlaceLeg(self._call.call_id, one.leg_id, one.target, self._account))
            self._set_timer(one)
        try:
            await self._decided.wait()
        finally:
            if not self._decided.is_set():
                self.give_up("given up")
        first = self._first
        stayed = (
            first is not None and first.attempt.outcome is not None and first.attempt.outcome.ok
        )
        return RingOutcome(first.name if first else "", stayed, self._failed())

    def _failed(self) -> dict[str, Cause]:
        return {
            one.name: one.attempt.outcome.cause or "internal"
            for one in self._callees.values()
            if one.attempt.outcome is not None
            and not one.attempt.outcome.ok
            and not one.called_off
            and one is not self._first
        }

    def take(self, leg_id: str, local: ReservedPort, held: ExitStack) -> None:
        """A leg's sockets; `held` gives them back."""
        one = self._callees[leg_id]
        if one.attempt.state in (State.FAILED, State.OVER):
            held.close()
            return
        one.held = held
        one.leg = self._call.bridge.leg.another(local, partial(self._on_rtp, one))
        one.leg.before_answer()

    def on_signal(self, event: LegSignal) -> None:
        one, now = self._callees[event.call_id], self._loop.time()
        match event:
            case CallInvited():
                self._call.tell(
                    call_events.Leg(
                        target=one.target, account=event.account, sip_call_id=event.sip_call_id
                    )
                )
            case CallProgress():
                self._do(one, one.attempt.on_progress(now))
            case MediaReady() if one.leg is not None:
                one.leg.open(self._media_plan(event.media))
                if one is self._first:
                    self._call.bridge.through.update()
            case CallConfirmed() if one.leg is not None:
                one.leg.start()
                self._do(one, one.attempt.on_answered(now))
            case CallEnded():
                cause = leg_end.cause_of_end(event)
                self._do(one, one.attempt.on_leg_ended(event.status, event.reason, now, cause))

    def on_caller_left(self) -> None:
        """The call has ended, or is about to."""
        for one in self._callees.values():
            one.called_off = True
            self._do(one, one.attempt.on_caller_left(self._loop.time()))

    def give_up(self, reason: str) -> None:
        for one in self._callees.values():
            self._call_off(one, reason)

    def _call_off(self, one: _Callee, reason: str) -> None:
        one.called_off = True
        self._do(one, one.attempt.on_given_up(reason, self._loop.time()))

    # --- what the state machines say ------------------------------------------------------

    def _do(self, one: _Callee, action: Do | None) -> None:
        match action:
            case Do.JOIN:
                self._join(one)
            case Do.END_LEG:
                self._call.send(Hangup(one.leg_id))
            case Do.END_CALL:
                detail = f"{one.name} has hung up"
                self._call.hang_up(Reason.TARGET_HANGUP, detail)
        if one.attempt.state in (State.FAILED, State.OVER) and not one.closed:
            one.closed = True  # what signalling still tells of it changes nothing
            self._close(one)
        self._set_timer(one)
        if not self._decided.is_set() and self._is_decided():
            self._decided.set()

    def _is_decided(self) -> bool:
        if self._first is not None:
            return self._first.attempt.outcome is not None
        return all(one.attempt.outcome is not None for one in self._callees.values())

    def _join(self, one: _Callee) -> None:
        assert one.leg is not None
        self._first = one
        for other in self._callees.values():
            if other is not one and other.attempt.outcome is None:
                self._call_off(other, ANSWERED_ELSEWHERE)
        self._on_answered(one.name, self._failed())
        self._call.bridge.set_aside(True)
        self._call.bridge.through.join(one.leg, self._hold_sound)
        self._call.tell(call_events.Joined(target=one.target))

    def _close(self, one: _Callee) -> None:
        if one is self._first:
            self._call.bridge.through.part()
            self._call.bridge.set_aside(False)
        leg, one.leg = one.leg, None
        held, one.held = one.held, None
        leg_end.close(leg, held, one.target, one.attempt.state, self._call.tell)

    def _set_timer(self, one: _Callee) -> None:
        if one.timer is not None:
            one.timer.cancel()
            one.timer = None
        if one.attempt.deadline < float("inf"):
            one.timer = self._call.faults.call_at(
                one.attempt.deadline, "queue's timer", self._on_time, one
            )

    def _on_time(self, one: _Callee) -> None:
        one.timer = None
        self._do(one, one.attempt.on_time(self._loop.time()))

    # --- a leg's audio --------------------------------------------------------------------

    def _on_rtp(self, one: _Callee, events: Sequence[RtpEvent]) -> None:
        joint = self._call.bridge.through.joint
        if joint is not None and one is self._first:
            joint.from_b(events)
        if len(events) == 1 and type(events[0]) is Frame:
            return
        for event in events:
            if isinstance(event, MediaTimeout) and one is self._first:
                self._call.send(Hangup(one.leg_id))
                self._do(one, one.attempt.on_leg_ended(408, str(event), self._loop.time()))
