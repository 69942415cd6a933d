"""One call: its two sides, and how they act on each other, from the first message to the record.

    signalling ──on_media, on_confirmed, on_ended──▶ Call ◀──BridgeEvent── CallBridge ◀── engine
               ◀──Answer, Hangup, …────────────────   │
                                     listeners ◀──────┘  tools, record, any subscriber

How it begins is decided by an `Opening` (`sipua.calls.opening`: we answer, or we are answered),
what happens when no engine is left by `sipua.calls.fallback`. Signalling events arrive as methods,
on the loop, and never wait; the call's tasks do what takes time, and none outlives `run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import EngineHangsUp
from sipua.bridge.events import BridgeEvent, EngineGone, PeerSilent
from sipua.bridge.fault_owner import FaultOwner
from sipua.calls import fallback
from sipua.calls.facts import CallFacts, PresentFacts
from sipua.calls.legs.dialling import LegSignal
from sipua.calls.legs.orders import CallOrder
from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.legs.second_leg import SecondLeg
from sipua.calls.legs.targets import Wanted
from sipua.calls.limits import CallLimits
from sipua.calls.menus.after_menu import AfterMenu
from sipua.calls.menus.menu import Action
from sipua.calls.menus.queue import lead
from sipua.calls.menus.queue.agents import LedAgents
from sipua.calls.outcome import CallOutcome
from sipua.calls.parts import lifetime, party
from sipua.calls.parts.bridge_news import BridgeNews
from sipua.calls.parts.call_media import CallMedia, media_plan
from sipua.calls.parts.kept import Kept
from sipua.calls.parts.leaders import Leaders
from sipua.calls.parts.lifetime import CallTasks
from sipua.calls.parts.listeners import EventListener, Listeners
from sipua.calls.profile import AgentProfile
from sipua.calls.steer import goodbye
from sipua.calls.steer.hold import OurHold
from sipua.calls.steer.refer import target_uri
from sipua.calls.steer.transfer import CallTransfer
from sipua.capture.call_capture import CallCapture
from sipua.events import call_events
from sipua.events.ending import By, Reason
from sipua.events.event import Event
from sipua.events.teller import Teller
from sipua.log.throttle import Throttle
from sipua.record.recorder import CallRecord
from sipua.recording.call_recording import CallRecording
from sipua.rtp.events import Dtmf
from sipua.sip.messages import (
    Answer,
    AttemptFailed,
    CallConfirmed,
    CallEnded,
    CallInvited,
    EndedBy,
    Hangup,
    HoldNews,
    MediaReady,
    NegotiatedMedia,
)
from sipua.sip.state import LONGEST_TRANSACTION_S
from sipua.sip.wire.info_digits import DigitTold
from sipua.sip.wire.refer_messages import PartyChanged
from sipua.sip.wire.transfer_messages import TransferNews

MOVED_TEMPORARILY = 302
NOT_AVAILABLE = 480


class Opening(Protocol):
    async def run(self, call: Call) -> None:
        """Bring the call up, to the first speech. Raises EngineConnectError."""


class Call:
    def __init__(
        self,
        facts: CallFacts,
        bridge: CallBridge,
        profile: AgentProfile,
        limits: CallLimits,
        *,
        send: Callable[[CallOrder], None],
        log: FilteringBoundLogger,
        tell: Callable[[Event], None] | None = None,
        refusals: Throttle | None = None,
        capture: CallCapture | None = None,
        record: CallRecord | None = None,
        recording: CallRecording | None = None,
        faults: FaultOwner | None = None,
    ) -> None:
        """`tell`: tells the call's events; without it they are in the log alone.
        `refusals`: of all calls. `faults`: the bridge's, too; a fault in either ends the call."""
        self.faults = faults or FaultOwner("call.failed", log)
        self.faults.end = lambda cause: self.hang_up(Reason.INTERNAL_ERROR, cause, 500)
        self.call_id = facts.call_id
        self.bridge = bridge
        self.profile = profile
        self.limits = limits
        self.send = send
        self.log = log
        self.tell = tell or Teller(log).tell
        self.agents: LedAgents | None = None
        """None: there are no menus and queues; the agent is that of the profile."""
        self.confirmed = asyncio.Event()
        """Whether the call is confirmed: both sides can hear each other."""
        self.answered_by: dict[str, Any] | None = None
        """Who has answered a call that we place, if that was looked for."""
        self._facts = PresentFacts(facts, asyncio.get_running_loop().time)
        self._incoming = facts.direction == "incoming"
        self._kept = Kept(record, capture, recording)
        self.record, self.recording = record, recording
        self.media = CallMedia(facts.call_id, bridge, send, self.tell)
        self._outcome = CallOutcome(incoming=self._incoming)
        self._ended = asyncio.Event()
        self._tasks = CallTasks(self.faults)
        self.leaders = Leaders(self._tasks.start)
        self._answered = self._ending = False
        self.engine_missed = False  # there was no engine to talk with, or is none any more
        self.second = SecondLeg(self, facts.origin, limits.transfer, media_plan)
        self.lost_aside: tuple[Reason, str] | None = None
        """The engine was lost while the agent was aside: it matters if the agent comes back."""
        self._transfer = CallTransfer(
            facts.call_id, facts.peer, send, self.tell, settings=limits.transfer, legs=self.second
        )
        self.hold = OurHold(facts.call_id, send, call_id_is_ours=not self._incoming)
        self._listeners = Listeners(self.faults)
        self.first = self._listeners.first
        news = BridgeNews(self.tell, refusals or Throttle(), mask_dtmf=limits.mask_dtmf)
        self.subscribe(news.on_event)
        self._kept.attach(self, bridge)
        self.subscribe(self._on_bridge)
        bridge.on_event = self._listeners.publish

    def subscribe(self, listener: EventListener) -> Callable[[], None]:
        """See `Listeners`."""
        return self._listeners.subscribe(listener)

    def set_metadata(self, values: Mapping[str, str]) -> dict[str, str]:
        """Add these, and take away those without a value; returns all. Too many are not taken."""
        return self._facts.note(values)

    def facts(self) -> CallFacts:
        return self._facts.now()

    async def run(self, opening: Opening) -> None:
        """Run the call from the first ring to the last packet; on return everything is released."""
        try:
            too_long = Reason.MAX_DURATION, "the longest call duration is over"
            self._tasks.later(self.limits.max_duration_s, self.hang_up, *too_long)
            self._tasks.later(self.limits.ring_timeout_s, self._ring_no_longer)
            self.leaders.open(self._open(opening), "opening")
            await self._ended.wait()
        finally:
            self.second.on_ending()
            self._tasks.stop_timers()
            await lifetime.release(
                self.log,
                self._tasks.end,
                self.bridge.close,
                self._kept.end_capture,
                self._kept.end_recording,
                self._end_record,
                self.second.gone,
                self._tell_end,
            )
            self._let_go()

    def abandon(self) -> None:
        """For a call that will not run."""
        self._tasks.cancel()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that ends with the call at the latest."""
        return self._tasks.start(work, name)

    @property
    def answered(self) -> bool:
        return self._answered or self.confirmed.is_set()

    @property
    def placing(self) -> bool:
        """Whether we call, and the other side has not answered."""
        return not self._incoming and not self.answered

    def answer(self) -> None:
        """Answer, once; later, or in a call that we placed, it does nothing."""
        if self._incoming and not self._answered:
            self._answered = True
            self.media.early.answering()
            self.send(Answer(self.call_id))
            self.tell(call_events.Answered(setup_ms=self.setup_ms))

    def redirect(self, target: str, detail: str) -> None:
        """302: the caller may call the target, a SIP URI or a number at the peer, instead. Only
        before the answer. Raises UriError."""
        uri = target_uri(target, self.facts().peer)
        command = Hangup(self.call_id, MOVED_TEMPORARILY, contact=uri)
        self._end(Reason.REDIRECTED, detail, command)

    async def transfer(self, target: Wanted, by: By = "agent") -> TransferOutcome:
        """Pass the other side on, to a SIP URI or a number there. If that fails the call goes on.

        The configuration alone may set `target`, never the caller or the model.
        """
        if not self.confirmed.is_set():
            return failed(481, "the call is not answered yet", "invalid")
        self._outcome.transferred_by = by
        outcome = await self._transfer.run(target)
        if outcome.mode == "refer" and outcome.ok:
            self.hang_up(Reason.TRANSFERRED, "transferred")
        elif outcome.mode != "refer" and not self.over:
            if self.lost_aside is not None and not outcome.ok:
                self.without_engine(*self.lost_aside)
            if outcome.ok:
                await self.leaders.alone()  # a person has the call
            await self.second.after(outcome, by, engine=not self.engine_missed)
        return outcome

    async def lead(self, first: Action, why: lead.Why = lead.CHOSEN) -> None:
        """Through menus, queues and documents, in the place of whoever leads it. On return the call
        ends, or is an agent's or a person's."""
        await self.leaders.alone()
        if await lead.run(self, first, mask=self.limits.mask_dtmf, why=why):
            self.engine_missed = False
            self.leaders.open(self._open(AfterMenu()), "agent")

    @property
    def in_menu(self) -> bool:
        return self.agents is not None and (not self.agents.talking or self.in_documents)

    @property
    def in_documents(self) -> bool:
        return self.agents is not None and self.agents.in_documents

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        """End the call from our side; `detail` for people. The first reason stays."""
        self._end(reason, detail, Hangup(self.call_id, status))

    def _end(self, reason: Reason, detail: str, command: Hangup) -> None:
        if self._ended.is_set():
            return
        self._outcome.decide(reason, detail)
        self.second.on_ending()
        self.send(command)
        if not self._ending:
            self._ending = True
            self._tasks.later(LONGEST_TRANSACTION_S, self._never_ended)

    def lose(self, reason: Reason, detail: str) -> None:
        """End the call without signalling, which is gone."""
        self._outcome.decide(reason, detail)
        self.on_sip(CallEnded(self.call_id, EndedBy.US, 0, detail))

    def _never_ended(self) -> None:
        self.log.error("call.end_not_told", waited_s=LONGEST_TRANSACTION_S)
        self.on_ended(CallEnded(self.call_id, EndedBy.US, 0, "the end was never told"))

    @property
    def over(self) -> bool:
        return self._ended.is_set()

    @property
    def on_hold(self) -> bool:
        return self.media.on_hold

    @property
    def transfer_under_way(self) -> bool:
        return self._transfer.under_way

    @property
    def put_through(self) -> bool:
        """Whether the agent is aside, or has left: for a second leg, or for a supervisor."""
        return self.second.up or self.bridge.through.aside

    @property
    def summary(self) -> str:
        """The result of the ended call, for the user."""
        return self._outcome.summary(self.facts().talked_s)

    @property
    def setup_ms(self) -> float:
        """Since the call began: in the edge, before there was a call here."""
        return round(self._facts.age_s * 1000, 1)

    # --- the tasks ------------------------------------------------------------------------

    async def _open(self, opening: Opening) -> None:
        try:
            await opening.run(self)
        except EngineConnectError as error:
            self.without_engine(Reason.ENGINE_UNREACHABLE, f"engine: {error.kind}")

    def without_engine(self, reason: Reason, detail: str) -> None:
        if not self.engine_missed and not self._ended.is_set():
            self.engine_missed = True
            self.leaders.start(fallback.run(self, reason, detail), "fallback")

    def _ring_no_longer(self) -> None:
        if not self.answered:
            self.leaders.stop_opening()
            reason = Reason.RING_TIMEOUT if self._incoming else Reason.NO_ANSWER
            detail = f"not answered within {self.limits.ring_timeout_s:g} s"
            self.hang_up(reason, detail, NOT_AVAILABLE)

    # --- from signalling ------------------------------------------------------------------

    def on_sip(self, event: LegSignal) -> None:
        self.faults.run(f"on {type(event).__name__}", self._on_sip, event)

    def _on_sip(self, event: LegSignal) -> None:
        match event:
            case _ if event.call_id != self.call_id:
                self.second.on_signal(event)
            case CallInvited():
                self._facts.invited(event.sip_call_id, event.account)
            case AttemptFailed():
                self._outcome.attempt_failed(event)
            case MediaReady():
                self.on_media(event.media)
            case CallConfirmed():
                self.on_confirmed()
            case CallEnded():
                self.on_ended(event)
            case DigitTold():
                key = Dtmf(event.digit, event.duration_ms, inband=False, by_info=True)
                self.bridge.told(key)
            case PartyChanged():
                party.changed(event, self.bridge, self.tell, self.limits.numbers)
            case _ if isinstance(event, HoldNews):
                self.hold.on_news(event)
            case _ if isinstance(event, TransferNews):
                self._transfer.on_news(event)

    def on_media(self, media: NegotiatedMedia) -> None:
        self._kept.on_media(media)
        self.media.negotiated(media, held_by_us=self.hold.on)

    def on_confirmed(self) -> None:
        self._facts.confirmed()
        self._outcome.answered()
        self.tell(call_events.Confirmed())
        self._kept.on_confirmed()
        self.media.confirmed()
        self.confirmed.set()

    def on_ended(self, event: CallEnded) -> None:
        self._ended.set()
        self.hold.on_ended()
        self._facts.ended()
        self._outcome.ended(event, transferred=self._transfer.on_ended(event.by))
        self.second.on_ending()

    # --- from the bridge ------------------------------------------------------------------

    def _on_bridge(self, event: BridgeEvent, _now: float) -> None:
        if isinstance(event, PeerSilent) and self.media.is_lost(event.idle_s, self.facts()):
            self.hang_up(Reason.MEDIA_TIMEOUT, str(event))
        elif self.in_documents:
            pass  # they go on without an agent
        elif isinstance(event, EngineHangsUp):
            self.leaders.start(goodbye.of_agent(self, event.detail), "goodbye")
        elif isinstance(event, EngineGone):
            self.leaders.stop_opening()
            lost = Reason.ENGINE_LOST, f"engine {event.engine}: {event.cause}"
            if self.put_through:
                self.lost_aside = lost
            else:
                self.without_engine(*lost)

    # --- the end --------------------------------------------------------------------------

    async def _end_record(self) -> None:
        facts = self.facts()
        more = {"metadata": dict(facts.metadata), "answered_by": self.answered_by}
        known = {name: value for name, value in more.items() if value}
        await self._kept.end_record(self._outcome.facts(facts.talked_s) | known)

    async def _tell_end(self) -> None:
        known = {"answered_by": self.answered_by} if self.answered_by else {}
        figures = {**self.bridge.stats(), **self._kept.stats(), **known}
        self.tell(self._outcome.event(self.facts(), self.limits.numbers, figures))

    def _let_go(self) -> None:
        """So that nothing waits for the garbage collector: see `nothing` of the fault owner."""
        self._listeners.clear()
        self.agents = None
        self.leaders.let_go()
        self.second.let_go()
        self.faults.end = None
