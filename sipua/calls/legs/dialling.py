"""A transfer by a second leg, done: the target is called, the caller waits, both are joined.

The agent is set aside meanwhile. What happens next, `DialAttempt` (dial.py) says; here are the
leg's sockets, its timer, and what the caller hears. What a target hears that is briefed first is
in `sipua.calls.legs.briefing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final, Protocol, TypeAlias

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan
from sipua.bridge.events import PlayoutNews
from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs import leg_end
from sipua.calls.legs.briefing.briefing import Decision
from sipua.calls.legs.briefing.target_briefing import OwnPath, TargetBriefing
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.dial import DialAttempt, Do, State
from sipua.calls.legs.orders import CallOrder, PlaceLeg
from sipua.calls.legs.outcome import TransferOutcome, told
from sipua.calls.legs.targets import TransferSettings
from sipua.calls.parts import silence
from sipua.events import call_events, media_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.events import Dtmf, Frame, MediaTimeout, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallInvited,
    CallProgress,
    CallSignal,
    Hangup,
    MediaReady,
    NegotiatedMedia,
)
from sipua.sip.wire.info_digits import DigitTold

LegSignal: TypeAlias = CallSignal | CallProgress
Beside: TypeAlias = Callable[[ReservedPort, Warm], CallBridge]
"""Makes the audio path of a target that talks with an agent of its own."""
OnLeft: TypeAlias = Callable[[], None]
"""Is told that a target which had the caller has hung up. The caller stays."""

ASKER: Final = "transfer"
NO_HEADERS: Final[Mapping[str, str]] = {}


class EarlySound(Protocol):
    def reaches_caller(self) -> bool:
        """Whether it hears what leaves now. If not yet, it is asked for."""


class CallerSide(Protocol):
    @property
    def early(self) -> EarlySound: ...


class DialledCall(Protocol):
    """What it needs of the call."""

    call_id: str
    bridge: CallBridge
    faults: FaultOwner
    send: Callable[[CallOrder], None]
    tell: Callable[[Event], None]

    @property
    def media(self) -> CallerSide: ...

    @property
    def answered(self) -> bool:
        """It may be forwarded before it was."""

    def answer(self) -> None: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...


class Dialling:
    """One leg `b`. `run` ends with the outcome; the leg lives on until a side leaves."""

    def __init__(
        self,
        call: DialledCall,
        leg_id: str,
        target: str,
        *,
        account: str,
        settings: TransferSettings,
        media_plan: Callable[[NegotiatedMedia], MediaPlan],
        warm: Warm | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        early_media: bool | None = None,
        beside: Beside | None = None,
        on_left: OnLeft | None = None,
    ) -> None:
        """`warm`: the target is briefed first. `early_media`: whether the caller hears what comes
        before the answer; None: as the settings say. `beside`: None, there are no agents.
        `on_left`: None, the call ends with the target."""
        self.leg_id = leg_id
        self._call = call
        self._target = target
        self._account = account
        self._headers = headers
        self._settings = settings
        self._hears_early = settings.early_media if early_media is None else early_media
        self._media_plan = media_plan
        self._loop = asyncio.get_running_loop()
        self._warm = warm
        self._beside = beside if warm is not None and warm.needs_engine else None
        self._attempt = DialAttempt(
            settings.times,
            self._loop.time(),
            warm=warm is not None,
            talk_s=warm.agent_s if self._beside and warm and warm.by == "agent" else None,
        )
        self._decided = asyncio.Event()
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._leg: MediaLeg | None = None
        self._plan: MediaPlan | None = None
        self._up_since: float | None = None
        self._own: OwnPath | None = None  # while it may talk with an agent
        self._farewell: asyncio.Task[None] | None = None
        self._briefing: TargetBriefing | None = None
        self._accepted: str | None = None
        self._held: ExitStack | None = None
        self._on_left = on_left
        self._leaving = self._replaced = False

    @property
    def up(self) -> bool:
        """Whether the leg is there, or is being placed."""
        return self._attempt.state not in (State.FAILED, State.OVER)

    @property
    def joined(self) -> bool:
        return self._attempt.state in (State.JOINED, State.SETTLED)

    async def run(self) -> TransferOutcome:
        bridge = self._call.bridge
        bridge.set_aside(True)
        bridge.fill(self._settings.waiting if self._call.answered else None, ASKER)
        self._call.send(
            PlaceLeg(
                self._call.call_id, self.leg_id, self._target, self._account, dict(self._headers)
            )
        )
        self._set_timer()
        try:
            await self._decided.wait()
        finally:
            if not self._decided.is_set():
                self.give_up("the transfer was given up")
        assert self._attempt.outcome is not None
        return self._attempt.outcome

    async def gone(self) -> None:
        """Wait until the leg has ended, or has failed, and an agent of its own has left."""
        if self.up:
            await self._gone.wait()
        if self._farewell is not None:
            await asyncio.wait([self._farewell])

    def take(self, local: ReservedPort, held: ExitStack) -> None:
        """Its sockets; `held` gives them back."""
        if not self.up:
            held.close()
            return
        self._held = held
        if self._beside is not None and self._warm is not None:
            own = self._beside(local, self._warm)
            self._leg = own.leg
            self._leg.tap, self._leg.rtcp_tap = self._call.bridge.leg.taps_of(local)
            self._own = OwnPath(own, self._leg.listen_with(self._on_rtp), self._on_rtp)
        else:
            self._leg = self._call.bridge.leg.another(local, self._on_rtp, self._on_sent)
        self._leg.before_answer()

    def on_signal(self, event: LegSignal) -> None:
        now = self._loop.time()
        match event:
            case CallInvited():
                self._call.tell(
                    call_events.Leg(
                        target=self._target, account=event.account, sip_call_id=event.sip_call_id
                    )
                )
            case CallProgress():
                self._call.tell(
                    call_events.TransferProgress(status=event.status, reason=event.reason)
                )
                self._do(self._attempt.on_progress(now))
            case MediaReady() if self._leg is not None:
                self._plan = self._media_plan(event.media)
                if self._own is not None:
                    self._own.bridge.open_media(self._plan)
                else:
                    self._leg.open(self._plan)
                self._call.bridge.through.update()
            case CallConfirmed() if self._leg is not None:
                self._leg.start()
                self._up_since = now
                self._do(self._attempt.on_answered(now))
            case DigitTold() if self._briefing is not None:
                told = Dtmf(event.digit, event.duration_ms, inband=False, by_info=True)
                self._briefing.key(told)
            case CallEnded():
                cause = leg_end.cause_of_end(event)
                self._do(self._attempt.on_leg_ended(event.status, event.reason, now, cause))

    def on_caller_left(self) -> None:
        """The call has ended, or is about to."""
        self._do(self._attempt.on_caller_left(self._loop.time()))

    def replaced(self) -> None:
        """Somebody else has the caller: what becomes of this leg is not the call's any more."""
        self._replaced = True
        self.on_caller_left()

    def dismiss(self) -> None:
        """The target has the caller no more, who stays."""
        self.replaced()
        self._call.bridge.set_aside(False)

    def leave(self, on: bool) -> None:
        """Whether the caller's side is to take over this leg: then its end is not the call's."""
        self._leaving = on
        if not on and self._attempt.state is State.OVER and not self._replaced:
            self._do(Do.END_CALL)

    def give_up(self, reason: str) -> None:
        self._do(self._attempt.on_given_up(reason, self._loop.time()))

    # --- what the state machine says ------------------------------------------------------

    def _do(self, action: Do | None) -> None:
        match action:
            case Do.BRIEF:
                self._brief()
            case Do.JOIN:
                self._join()
            case Do.EXCUSE if self._briefing is not None:
                self._briefing.excuse()
            case Do.END_LEG:
                self._call.send(Hangup(self.leg_id))
            case Do.END_CALL if self._on_left is not None:
                self._call.bridge.set_aside(False)
                self._on_left()
            case Do.END_CALL if not self._leaving:
                detail = "the target of the transfer has hung up"
                self._call.hang_up(Reason.TARGET_HANGUP, detail)
        if not self.up and not self._gone.is_set():  # what signalling still tells changes nothing
            self._gone.set()
            self._close()
            if self._attempt.state is State.FAILED:
                self._call.bridge.fill(None, ASKER)
                self._call.bridge.set_aside(False)
        self._set_timer()
        if self._attempt.outcome is not None and not self._decided.is_set():
            self._decided.set()
            # At once: when the call ends, what waits for the outcome is cancelled.
            self._call.tell(told(self._target, self._attempt.outcome))

    def _brief(self) -> None:
        assert self._leg is not None
        assert self._plan is not None
        assert self._warm is not None
        bridge = self._call.bridge
        if bridge.through.joint is not None:  # the caller has heard early media
            bridge.through.part()
            bridge.fill(self._settings.waiting, ASKER)
        self._briefing = TargetBriefing(
            self._warm,
            self._leg,
            self._plan,
            self._own,
            bridge=bridge,
            faults=self._call.faults,
            decide=self._on_target,
        )
        self._briefing.begin()

    def _end_briefing(self) -> None:
        briefing, self._briefing = self._briefing, None
        if briefing is not None:
            briefing.end()

    def _on_target(self, decision: Decision, detail: str) -> None:
        """What comes of its briefing."""
        now, attempt = self._loop.time(), self._attempt
        match decision:
            case "begins" if self._briefing is not None:
                self._briefing.begins()
                self._call.tell(call_events.Briefing(target=self._target, by=detail))
            case "text" if self._briefing is not None:
                self._briefing.by_sounds()
            case "briefed":
                attempt.on_briefed(now)
                self._set_timer()
            case "accepted":
                self._accepted = detail
                self._do(attempt.on_accepted(now))
            case "declined" | "voicemail":
                self._do(attempt.on_refused(decision, detail, now))
            case "excused":
                self._do(attempt.on_excused(now))

    def _join(self) -> None:
        assert self._leg is not None
        self._end_briefing()
        self._call.answer()
        self._call.bridge.fill(None, ASKER)
        through = self._call.bridge.through
        if through.joint is None:
            through.join(self._leg, self._settings.hold_sound)
        self._call.tell(call_events.Joined(target=self._target, accepted=self._accepted))

    def _close(self) -> None:
        """Both legs are apart, and this one is closed."""
        self._end_briefing()
        self._call.bridge.through.part()
        leg, self._leg = self._leg, None
        held, self._held = self._held, None
        leg_end.close(leg, held, self._target, self._attempt.state, self._call.tell)
        own, self._own = self._own, None
        self._beside = None
        if own is not None:
            closing = own.bridge.close()
            self._farewell = self._call.faults.task(closing, "the agent of a target is closed")

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._attempt.deadline < float("inf"):
            self._timer = self._call.faults.call_at(
                self._attempt.deadline, "transfer's timer", self._on_time
            )

    def _on_time(self) -> None:
        self._timer = None
        self._do(self._attempt.on_time(self._loop.time()))

    def _early(self, events: Sequence[RtpEvent]) -> bool:
        sound = any(isinstance(event, Frame) for event in events)
        waits = self._attempt.state in (State.PLACING, State.RINGING)
        wanted = sound and waits and self._hears_early
        return wanted and self._call.media.early.reaches_caller()

    def _is_lost(self, idle_s: float) -> bool:
        """See `CallMedia.is_lost`."""
        talked_s = 0.0 if self._up_since is None else self._loop.time() - self._up_since
        if self.joined and silence.counts(idle_s, talked_s):
            return True
        if self._leg is not None and self._plan is not None:
            self._leg.open(self._plan)
        return False

    # --- the leg's audio ------------------------------------------------------------------

    def _on_sent(self, news: PlayoutNews) -> None:
        if self._briefing is not None:
            self._briefing.sent(news)

    def _on_rtp(self, events: Sequence[RtpEvent]) -> None:
        joint = self._call.bridge.through.joint
        if joint is not None:
            joint.from_b(events)
        elif self._briefing is not None:
            self._briefing.hear(events)
        elif self._leg is not None and self._early(events):
            through = self._call.bridge.through
            through.join(self._leg, self._settings.hold_sound).from_b(events)
            self._call.tell(media_events.EarlyMedia(by="target"))
        if len(events) == 1 and type(events[0]) is Frame:
            return
        for event in events:
            if isinstance(event, MediaTimeout) and self._is_lost(event.idle_s):
                self._call.send(Hangup(self.leg_id))
                self._do(self._attempt.on_leg_ended(408, str(event), self._loop.time()))
