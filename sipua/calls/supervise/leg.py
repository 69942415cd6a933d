"""A supervisor's leg of a call: from its INVITE to its end.

    placing ─▶ answered ─▶ [announced to the caller] ─▶ listen, whisper, barge ─▶ takeover
       └────────┴──────────────┴─────────────────────────┴──▶ over

The call goes on whatever happens here, until the supervisor takes over: from then on it is a call
of two people, and ends when one of them leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan
from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.bridge.fault_owner import nothing
from sipua.bridge.joint.third import Third
from sipua.calls.legs.dialling import LegSignal
from sipua.calls.parts import silence
from sipua.calls.steer.commands import Mode
from sipua.calls.supervise.codes import PinEntry
from sipua.calls.supervise.modes import CallNow, SuperviseSettings, refused
from sipua.calls.supervise.parking import Parking
from sipua.calls.supervise.supervised import SupervisedCall
from sipua.events import call_events, supervise_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.events import Dtmf, Frame, MediaTimeout, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallInvited,
    Hangup,
    MediaReady,
    NegotiatedMedia,
)
from sipua.sip.wire.info_digits import DigitTold

LONGEST_ANNOUNCEMENT_S: Final = 60.0
PIN_S: Final = 20.0
DIALLED: Final = "dialled"
"""In the place of a token."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    leg_id: str
    """In signalling."""
    who: str
    """The target that was called, or who has dialled in."""
    by: str
    """Whose token it was; `dialled`: none."""
    fetches: bool = False
    """A parked call, and nothing else."""
    account: str = ""

    @property
    def dialled_in(self) -> bool:
        return self.by == DIALLED


class SupervisorLeg:
    """`run` is a task of the call, and ends with it at the latest."""

    def __init__(
        self,
        call: SupervisedCall,
        supervisor: Supervisor,
        mode: Mode,
        settings: SuperviseSettings,
        *,
        media_plan: Callable[[NegotiatedMedia], MediaPlan],
        parking: Parking,
    ) -> None:
        self.supervisor = supervisor
        self._parking = parking
        self.mode = mode
        self._call = call
        self._settings = settings
        self._media_plan = media_plan
        self._over = asyncio.Event()
        self._status, self._cause = 0, "call_ended"
        self._faults = call.faults.harmless("call.supervisor_fault")
        self._faults.end = self._end_of_fault
        self._leg: MediaLeg | None = None
        self._held: ExitStack | None = None
        self._third: Third | None = None
        self._since: float | None = None
        """When the supervisor began to hear the call."""
        self._answered_at: float | None = None
        self._plan: MediaPlan | None = None
        self._pin: PinEntry | None = None
        """It is being pressed."""
        self._pin_pressed = asyncio.Event()
        self._sip_call_id = ""
        self._ended_there = False
        """Signalling has no such leg any more."""

    @property
    def up(self) -> bool:
        return not self._over.is_set()

    @property
    def present(self) -> bool:
        return self._since is not None and self.up

    async def run(self) -> None:
        ringing = self._faults.call_later(self._settings.ring_s, "timer", self._ring_no_longer)
        try:
            await self._over.wait()
        finally:
            ringing.cancel()
            self._close()

    def take(self, local: ReservedPort, held: ExitStack) -> None:
        """Its sockets; `held` gives them back."""
        if not self.up:
            held.close()
            return
        self._held = held
        self._leg = self._call.bridge.leg.another(local, self._on_rtp, faults=self._faults)
        self._leg.tap = self._leg.rtcp_tap = None  # its packets are none of the call's
        self._leg.before_answer()

    def on_signal(self, event: LegSignal) -> None:
        self._faults.run(f"on {type(event).__name__}", self._on_signal, event)

    def set_mode(self, mode: Mode, by: str) -> str:
        """Why it is not possible now; empty: it is so."""
        if not self.present:
            return "the supervisor has not answered yet"
        if mode == self.mode:
            return ""
        if self.mode == "takeover":
            return "the agent has left: the supervisor has the call"
        if why := refused(mode, self._now()):
            return why
        self.mode = mode
        if mode == "takeover":
            self._take_over()
        elif self._third is not None:
            self._third.set_part(mode)
        self._tell("mode", supervise_events.SupervisorMode(mode=mode, by=by))
        return ""

    def end(self, cause: str, status: int = 0) -> None:
        """The leg ends, and with a takeover the call; the first cause stays."""
        if self.up:
            self._status, self._cause = status, cause
            self._over.set()
            self._stop_hearing()
            if not self._ended_there:
                self._call.send(Hangup(self.supervisor.leg_id))
            if self._has_the_call:
                self._call.hang_up(Reason.TARGET_HANGUP, f"the supervisor has left: {cause}")

    # --- from signalling ------------------------------------------------------------------

    def _on_signal(self, event: LegSignal) -> None:
        match event:
            case CallInvited():
                self._sip_call_id = event.sip_call_id
                self._call.tell(
                    call_events.Leg(
                        target=self.supervisor.who,
                        account=self.supervisor.account,
                        sip_call_id=event.sip_call_id,
                        leg="s",
                    )
                )
            case MediaReady() if self._leg is not None and self.up:
                self._plan = self._media_plan(event.media)
                self._leg.open(self._plan)
                if self._has_the_call:
                    self._call.bridge.through.update()
            case CallConfirmed() if self._leg is not None and self.up:
                self._answered_at = time.monotonic()
                self._leg.start()
                self._call.start(self._answered_by_supervisor(), "supervisor")
            case CallEnded():
                self._ended_there = True
                self.end(event.reason if self._answered_at is None else "hung_up", event.status)
            case DigitTold():
                self._press(event.digit)

    def _ring_no_longer(self) -> None:
        if self._answered_at is None:
            self.end(f"not answered within {self._settings.ring_s:g} s", 408)

    def _end_of_fault(self, cause: str) -> None:
        self.end(cause, 500)

    # --- what the supervisor hears, and who hears it --------------------------------------

    async def _answered_by_supervisor(self) -> None:
        try:
            await self._begin()
        except Exception as error:  # noqa: BLE001 (the call goes on without the supervisor)
            self._faults.failed("supervisor", error)

    async def _begin(self) -> None:
        if self._asks_pin and not await self._knows_pin():
            return
        if self.supervisor.fetches and not self._parking.parked:
            self.end("the call is not parked any more")
            return
        announced = self._settings.announcement is None or self.mode == "takeover"
        if not announced and not await self._announced():
            self.end("the announcement was not heard")
        if not self.up or self._leg is None:
            return
        mode = self.mode
        if why := refused(mode, self._now()):
            self.end(why)
            return
        self._since = time.monotonic()
        if mode == "takeover":
            self._take_over()
        else:
            self._third = Third(self._call.bridge.leg, self._leg, self._faults, mode)
            self._third.begin(self._since)
        self._tell(
            "hears",
            supervise_events.Supervised(
                who=self.supervisor.who,
                by=self.supervisor.by,
                mode=mode,
                sip_call_id=self._sip_call_id,
            ),
        )

    @property
    def _asks_pin(self) -> bool:
        dialled_in, fetches = self.supervisor.dialled_in, self.supervisor.fetches
        return bool(self._settings.pin) and dialled_in and not fetches

    async def _knows_pin(self) -> bool:
        self._pin = PinEntry(self._settings.pin)
        try:
            async with asyncio.timeout(PIN_S):
                await self._pin_pressed.wait()
        except TimeoutError:
            self.end(f"no PIN within {PIN_S:.0f} s")
        self._pin = None
        return self.up

    async def _announced(self) -> bool:
        assert self._settings.announcement is not None
        if self._call.put_through:  # our own sounds do not reach the caller
            return False
        item = self._call.bridge.play("announcement", self._settings.announcement)

        def is_it(event: BridgeEvent) -> bool:
            return isinstance(event, AudioPlayed) and event.item_id == item

        return await self._call.first(is_it, LONGEST_ANNOUNCEMENT_S) is not None

    @property
    def _has_the_call(self) -> bool:
        return self.mode == "takeover" and self._since is not None

    def _take_over(self) -> None:
        """As a transfer that has succeeded: the agent leaves, or the person that the caller was put
        through to, and both hear each other."""
        assert self._leg is not None
        self._end_third()
        self._call.second.replace()
        self._parking.retrieved(self.supervisor.who)
        bridge = self._call.bridge
        bridge.set_aside(True)
        bridge.through.join(self._leg, self._settings.hold_sound)
        self._call.start(self._alone(), "the agent leaves")

    async def _alone(self) -> None:
        """Nobody else has a say in where the call goes."""
        await self._call.leaders.alone()
        await self._call.bridge.dismiss_agent()

    def _on_rtp(self, events: Sequence[RtpEvent]) -> None:
        if self._third is not None:
            self._third.said(events)
        elif self._has_the_call and (joint := self._call.bridge.through.joint) is not None:
            joint.from_b(events)
        if len(events) == 1 and type(events[0]) is Frame:
            return
        for event in events:
            if isinstance(event, MediaTimeout):
                self._silent(event)
            elif isinstance(event, Dtmf) and not event.inband:
                self._press(event.digit)

    def _silent(self, event: MediaTimeout) -> None:
        talked_s = 0.0 if self._answered_at is None else time.monotonic() - self._answered_at
        if silence.counts(event.idle_s, talked_s):
            self.end(str(event))
        elif self._leg is not None and self._plan is not None:
            self._leg.open(self._plan)

    def _press(self, key: str) -> None:
        if self._pin is not None:
            right = self._pin.press(key)
            if right is False:
                self.end("a wrong PIN")
            if right is not None:
                self._pin_pressed.set()
        elif self.present and (mode := self._settings.keys.get(key)):
            self.set_mode(mode, "key")

    def _now(self) -> CallNow:
        call = self._call
        return CallNow(
            confirmed=call.confirmed.is_set(),
            on_hold=call.on_hold,
            put_through=call.put_through,
            joined=call.second.joined,
            parked=self._parking.parked,
            engine_gone=call.engine_missed or call.in_menu,
        )

    # --- the end --------------------------------------------------------------------------

    def _end_third(self) -> None:
        third, self._third = self._third, None
        if third is not None:
            third.end()

    def _stop_hearing(self) -> None:
        self._end_third()
        if self._has_the_call:
            self._call.bridge.through.part()

    def _close(self) -> None:
        self.end("call_ended")
        self._faults.end = nothing
        leg, self._leg = self._leg, None
        counted = None
        if leg is not None:
            counted = leg.traffic()
            leg.close()
        held, self._held = self._held, None
        if held is not None:
            held.close()
        if self._since is None:
            self._tell(
                "failed",
                supervise_events.SupervisorFailed(
                    who=self.supervisor.who,
                    by=self.supervisor.by,
                    status=self._status,
                    cause=self._cause,
                ),
            )
            return
        self._tell(
            "left",
            supervise_events.SupervisorLeft(
                who=self.supervisor.who,
                mode=self.mode,
                cause=self._cause,
                heard_s=round(time.monotonic() - self._since, 1),
                sent=counted.sent if counted else 0,
                received=counted.received if counted else 0,
                lost=counted.lost if counted else 0,
            ),
        )

    def _tell(self, news: str, event: Event) -> None:
        self._call.tell(event)
        if self._call.record is not None:
            self._call.record.note("supervisor", news=news, **event.fields())
