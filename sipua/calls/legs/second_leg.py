"""A call's second legs: how each is made, and what becomes of the agent after it. One at a time, or
several that ring at once until the first answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from sipua.bridge.call.media import MediaPlan
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.dial import DialTimes
from sipua.calls.legs.dialling import NO_HEADERS, Beside, DialledCall, Dialling, LegSignal, OnLeft
from sipua.calls.legs.outcome import IN_WORDS, Cause, TransferOutcome
from sipua.calls.legs.ringing import Ringing
from sipua.calls.legs.targets import TransferSettings
from sipua.events.ending import By
from sipua.rtp.ports import ReservedPort
from sipua.sip.leg_ids import leg_id
from sipua.sip.messages import NegotiatedMedia

NOT_PUT_THROUGH = (
    "The caller was to be put through to somebody, and that did not work: {}. Tell the caller so "
    "in one short sentence, and ask how you can help."
)


class SecondLeg:
    def __init__(
        self,
        call: DialledCall,
        origin: str,
        settings: TransferSettings,
        media_plan: Callable[[NegotiatedMedia], MediaPlan],
    ) -> None:
        """`origin`: the account or trunk of the call."""
        self._call = call
        self._account = settings.account_for(origin)
        self._settings = settings
        self._media_plan = media_plan
        self.beside: Beside | None = None
        """Makes the audio path of a target that talks with an agent of its own."""
        self._number = 0
        self._last: Dialling | None = None
        self._ringing: Ringing | None = None

    @property
    def up(self) -> bool:
        """Whether there is one, or one is being placed: the agent is aside, or has left."""
        return any(legs is not None and legs.up for legs in (self._last, self._ringing))

    @property
    def joined(self) -> bool:
        """Whether a target talks with the other side."""
        return any(legs is not None and legs.joined for legs in (self._last, self._ringing))

    def replace(self) -> None:
        """Somebody else takes the place of the target that is joined: it gets BYE, and what was
        reached by it stays reached."""
        if self._last is not None and self._last.joined:
            self._last.replaced()
        if self._ringing is not None and self._ringing.joined:
            self._ringing.on_caller_left()

    def make(
        self,
        target: str,
        warm: Warm | None = None,
        *,
        account: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        early_media: bool | None = None,
        on_left: OnLeft | None = None,
    ) -> Dialling:
        """`warm`: the target is briefed first. `account`: None, that of transfers. `early_media`:
        None, as for transfers. `on_left`: None, the call ends with the target."""
        self._number += 1
        leg = leg_id(self._call.call_id, self._number)
        self._last = Dialling(
            self._call,
            leg,
            target,
            account=self._account if account is None else account,
            settings=self._settings,
            media_plan=self._media_plan,
            warm=warm,
            headers=headers,
            early_media=early_media,
            beside=self.beside,
            on_left=on_left,
        )
        return self._last

    def ring(
        self,
        targets: Mapping[str, str],
        *,
        account: str,
        ring_s: float,
        on_answered: Callable[[str, Mapping[str, Cause]], None],
    ) -> Ringing:
        """Several at once, SIP URIs by name. `account`: empty, as for a transfer."""
        callees: dict[str, tuple[str, str]] = {}
        for name, target in targets.items():
            self._number += 1
            callees[name] = leg_id(self._call.call_id, self._number), target
        self._ringing = Ringing(
            self._call,
            callees,
            account=account or self._account,
            times=DialTimes(ring_s, self._settings.times.settle_s),
            hold_sound=self._settings.hold_sound,
            media_plan=self._media_plan,
            on_answered=on_answered,
        )
        return self._ringing

    def dismiss(self) -> None:
        """A target that is joined has the caller no more, who stays."""
        if self._last is not None and self._last.joined:
            self._last.dismiss()

    def leave(self, on: bool) -> str:
        """Begin to leave the path of both sides, or stay; the leg's id. Empty: we do not leave."""
        if self._last is None or not self._settings.leave_path:
            return ""
        if on and not self._last.up:  # somebody else has its place
            return ""
        self._last.leave(on)
        return self._last.leg_id

    def take(self, leg: str, local: ReservedPort, held: ExitStack) -> None:
        """Its sockets; `held` gives them back."""
        if self._ringing is not None and leg in self._ringing.leg_ids:
            self._ringing.take(leg, local, held)
        elif self._last is None or self._last.leg_id != leg:
            held.close()
        else:
            self._last.take(local, held)

    def on_signal(self, event: LegSignal) -> None:
        if self._ringing is not None and event.call_id in self._ringing.leg_ids:
            self._ringing.on_signal(event)
        elif self._last is not None and self._last.leg_id == event.call_id:
            self._last.on_signal(event)

    def on_ending(self) -> None:
        """The call ends: its second leg does at once."""
        for legs in (self._last, self._ringing):
            if legs is not None:
                legs.on_caller_left()

    async def gone(self) -> None:
        """Wait until the last one has ended, with all that it still had to say."""
        if self._last is not None:
            await self._last.gone()

    def let_go(self) -> None:
        """The call has run: see `nothing` of the fault owner."""
        self._last = self._ringing = self.beside = None
        del self._call

    async def after(self, outcome: TransferOutcome, by: By, *, engine: bool) -> None:
        """One was tried: the agent leaves, or is back and tells the caller why. A tool tells it by
        its result. `engine`: whether there is one."""
        bridge = self._call.bridge
        if outcome.ok:
            await bridge.dismiss_agent()
        elif by == "operator" and engine:
            bridge.speak(NOT_PUT_THROUGH.format(IN_WORDS[outcome.cause or "internal"]))
