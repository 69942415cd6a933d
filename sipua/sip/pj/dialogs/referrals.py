"""Calls whose peer is to be replaced by another party: REFER and INVITE with Replaces, received.

    REFER ─▶ judged ─▶ 202 ─▶ ReferAsked ─▶ the edge ─▶ FollowRefer ─▶ INVITE to the target
               └▶ 4xx, 603                        └▶ RefuseRefer
    NOTIFY 100, 180 …   while it rings; both sides of the call go on
    NOTIFY 200          it has answered: its dialog takes the place of the old one
    NOTIFY 486 …        it was not reached: the call goes on as it was

A call keeps its id and its port. The new dialog has an id of its own until it is answered; then
both change ids, so that all that is done to the call is done to the new party. A peer that hangs up
while its target rings has passed the call on: its BYE waits for what becomes of that. pjsip would
call any target of a REFER by itself; it is never asked to. pjsua2 thread only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sipua.rtp.ports import ReservedPort
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallInvited,
    CallProgress,
    Direction,
    EndedBy,
    Hangup,
    MediaReady,
    NegotiatedMedia,
    PlaceCall,
    SipEvent,
    TransferRefused,
)
from sipua.sip.parties import name_addr, refer
from sipua.sip.pj.dialogs.dialog import Dialog, Places, ReferralOwner
from sipua.sip.state import CallState
from sipua.sip.wire.caller_id import ANONYMOUS
from sipua.sip.wire.refer_messages import (
    FollowRefer,
    PartyChanged,
    ReferAsked,
    ReferNews,
    RefuseRefer,
)
from sipua.sip.wire.texts import Message, header

RING_S: Final = 45.0
"""The target rings no longer; a NOTIFY may not come later than the minute that its subscription
lasts."""
GOODBYE_S: Final = 2.0
"""The peer hangs up when it knows that it was replaced; if not, we do."""
ACCEPTED: Final = 202
TIMED_OUT: Final = 408
WRONG_CALL: Final = 481
RINGING: Final = 180
OK: Final = 200
NOT_REACHED: Final = 480
REPLACES: Final = "Replaces"


@dataclass(slots=True, eq=False)
class _Referral:
    call_id: str
    leg_id: str
    about: str
    """The Event header of its NOTIFYs; empty: none are wanted."""
    shown: str
    wanted: str
    local: ReservedPort
    state: Literal["asked", "placed", "answered", "over"] = "asked"
    """`over`: the leg's id is of a dialog that is leaving."""
    account: str = ""
    sip_call_id: str = ""
    media: MediaReady | None = None
    before: NegotiatedMedia | None = None
    """Of the old dialog."""
    gone: CallEnded | None = None
    """The peer has hung up already."""

    @property
    def pending(self) -> bool:
        return self.state != "over"


class Referrals:
    def __init__(
        self,
        owner: ReferralOwner,
        calls: dict[str, Any],
        admission: Admission,
        placer: Places,
    ) -> None:
        """`calls`: the endpoint's, each a `Dialog`."""
        self._owner = owner
        self._calls = calls
        self._admission = admission
        self._placer = placer
        self._of_call: dict[str, _Referral] = {}
        """Those that are pending."""
        self._of_leg: dict[str, _Referral] = {}
        self._numbers: dict[str, int] = {}
        """How many parties a call has had, or nearly had."""
        self._unconfirmed: set[str] = set()
        """Calls whose new dialog waits for its ACK."""

    # --- REFER ----------------------------------------------------------------------------

    def asked(self, call: Dialog, message: str, respond: Callable[[int], bool]) -> None:
        """A REFER in a call. Where `respond` does not work, pjsua asks, and is told to refuse."""
        verdict = self._judge(call, Message(message))
        if isinstance(verdict, refer.Refused):
            if respond(verdict.status):
                self._refused(call, verdict)
        elif call.local is not None and respond(ACCEPTED):
            self._begin(call, call.local, verdict, _about(call, message))

    def _judge(self, call: Dialog, message: Message) -> refer.Wanted | refer.Refused:
        policy = self._admission.policy(call.origin)
        verdict = refer.judge(
            message,
            policy.refer,
            belongs=lambda host: self._admission.belongs(call.origin, host.strip("[]")),
            form=policy.form,
        )
        if isinstance(verdict, refer.Refused):
            return verdict
        if call.state is not CallState.CONFIRMED or call.call_id in self._of_leg:
            return refer.Refused(refer.DECLINED, "the call is not up", verdict.shown)
        if call.call_id in self._of_call or call.refers:
            return refer.Refused(refer.DECLINED, "another transfer is under way", verdict.shown)
        return verdict

    def _refused(self, call: Dialog, verdict: refer.Refused) -> None:
        self._owner.emit(
            TransferRefused(call.call_id, verdict.target, verdict.status, verdict.rule)
        )

    def _begin(self, call: Dialog, local: ReservedPort, wanted: refer.Wanted, about: str) -> None:
        leg_id = self._next(call.call_id)
        referral = _Referral(call.call_id, leg_id, about, wanted.shown, wanted.target, local)
        referral.before = call.media
        call.refers_taken += 1
        self._of_call[call.call_id] = self._of_leg[leg_id] = referral
        self._notify(referral, 100, "Trying")
        self._owner.after(RING_S, lambda: self._time_over(referral))
        self._owner.emit(
            ReferAsked(
                call.call_id,
                leg_id,
                call.origin,
                wanted.target,
                wanted.referred_by,
                wanted.replaces,
            )
        )

    def _next(self, call_id: str) -> str:
        number = self._numbers[call_id] = self._numbers.get(call_id, 0) + 1
        return f"{call_id}.r{number}"

    def command(self, order: FollowRefer | RefuseRefer) -> None:
        referral = self._of_leg.get(order.leg_id)
        if referral is None:
            if isinstance(order, FollowRefer):  # the slot that it holds is given back
                self._owner.emit(CallEnded(order.leg_id, EndedBy.US, 0, "the call is over"))
        elif isinstance(order, RefuseRefer):
            self._fail(referral, order.status, order.reason)
        else:
            referral.state, referral.account = "placed", order.account
            invite = PlaceCall(
                order.leg_id, order.target, referral.local, order.account, order.headers
            )
            self._placer.place(invite)

    def _time_over(self, referral: _Referral) -> None:
        if referral.state in ("asked", "placed"):
            self._fail(referral, TIMED_OUT, f"not answered within {RING_S:g} s")
            self._end_leg(referral)

    # --- what signalling tells ------------------------------------------------------------

    def takes(self, event: SipEvent) -> bool:
        """Whether an event ends here. False: it is told."""
        call_id = getattr(event, "call_id", None)
        if not isinstance(call_id, str):
            return False
        if (referral := self._of_leg.get(call_id)) is not None:
            self._of_new(referral, event)
            return True
        if isinstance(event, CallConfirmed) and call_id in self._unconfirmed:
            self._unconfirmed.discard(call_id)
            return True
        if isinstance(event, MediaReady) and (referral := self._of_call.get(call_id)) is not None:
            referral.before = event.media
        return isinstance(event, CallEnded) and self._call_ended(event)

    def _of_new(self, referral: _Referral, event: SipEvent) -> None:
        """Of the dialog with the new party; or, once it has the call, of the old one."""
        if isinstance(event, CallEnded):
            self._of_leg.pop(referral.leg_id, None)
            self._fail(referral, event.status, event.reason)
        elif not referral.pending:
            return
        elif isinstance(event, CallInvited):
            referral.sip_call_id = event.sip_call_id
            self._tell(referral, "invited", sip_call_id=event.sip_call_id)
        elif isinstance(event, CallProgress):
            self._tell(referral, "progress", event.status, event.reason)
            if event.status >= RINGING:
                self._notify(referral, event.status, event.reason)
        elif isinstance(event, MediaReady):
            referral.media = event
        elif isinstance(event, CallConfirmed):
            referral.state = "answered"
            # Not from inside a callback of the dialog.
            self._owner.after(0.0, lambda: self._take_over(referral))

    def _call_ended(self, event: CallEnded) -> bool:
        """The call's own dialog has ended."""
        self._unconfirmed.discard(event.call_id)
        referral = self._of_call.get(event.call_id)
        if referral is None:
            self._numbers.pop(event.call_id, None)
            return False
        if event.by is EndedBy.PEER:
            self._wait(referral, event)
            return True
        self._give_up(referral)
        return False

    def _wait(self, referral: _Referral, event: CallEnded) -> None:
        """The peer has passed the call on: it is on hold until the target is there, or not."""
        referral.gone = event
        if referral.before is not None:
            held = dataclasses.replace(referral.before, direction=Direction.INACTIVE)
            self._owner.pass_on(MediaReady(referral.call_id, held))

    def hung_up(self, call_id: str) -> None:
        """We end a call that has no dialog of its own any more."""
        referral = self._of_call.get(call_id)
        if referral is not None and referral.gone is not None:
            self._give_up(referral)
            self._end_call(dataclasses.replace(referral.gone, by=EndedBy.US))

    def _end_call(self, event: CallEnded) -> None:
        self._numbers.pop(event.call_id, None)
        self._owner.pass_on(event)

    # --- the new party --------------------------------------------------------------------

    def _take_over(self, referral: _Referral) -> None:
        call_id, leg_id = referral.call_id, referral.leg_id
        old, new = self._calls.get(call_id), self._calls.get(leg_id)
        if referral.state != "answered" or new is None:
            return  # it has ended meanwhile
        if old is not None and old.state is not CallState.CONFIRMED:
            self._give_up(referral)  # we hang up
            return
        self._close(referral)
        self._placer.forget(leg_id)
        self._exchange(call_id, leg_id, new, old)
        self._admission.slots.exchange(call_id, leg_id)
        if old is None:
            self._of_leg.pop(leg_id, None)
        else:
            if referral.about:
                old.notify(referral.about, OK, "OK", over=True)
            self._owner.after(GOODBYE_S, lambda: self._end_dialog(leg_id))
        number = name_addr.parse(referral.shown).user
        self._owner.pass_on(
            PartyChanged(call_id, referral.sip_call_id, referral.shown, "refer", number)
        )
        if referral.media is not None:
            self._owner.pass_on(MediaReady(call_id, referral.media.media))

    def _exchange(self, call_id: str, leg_id: str, new: Dialog, old: Dialog | None) -> None:
        """Each gets the id of the other."""
        self._calls.pop(leg_id, None)
        new.call_id = call_id
        self._calls[call_id] = new
        if old is not None:
            old.call_id = leg_id
            self._calls[leg_id] = old

    def _end_dialog(self, leg_id: str) -> None:
        dialog = self._calls.get(leg_id)
        if dialog is not None and dialog.state is CallState.CONFIRMED:
            dialog.end(Hangup(leg_id))

    # --- Replaces -------------------------------------------------------------------------

    def may_replace(self, call: Dialog, host: str, names: frozenset[str]) -> int:
        """The status for an INVITE from `host` that replaces the call: 200, or a refusal. `names`:
        in the certificate of its connection."""
        if not self._admission.policy(call.origin).refer.replaces:
            verdict = refer.Refused(refer.DECLINED, "replaces", REPLACES)
        elif self._admission.origin(host, names) != call.origin:
            verdict = refer.Refused(refer.FORBIDDEN, "from another trunk", REPLACES)
        elif call.call_id in self._of_leg:
            verdict = refer.Refused(WRONG_CALL, "the dialog was replaced already", REPLACES)
        elif call.state is not CallState.CONFIRMED:
            verdict = refer.Refused(refer.DECLINED, "the call is not up", REPLACES)
        else:
            return OK
        self._refused(call, verdict)
        return verdict.status

    def replaced(self, old: Dialog, new: Dialog, invite: Message) -> None:
        """pjsip answers the INVITE now, and ends the old dialog."""
        call_id = old.call_id
        if (referral := self._of_call.get(call_id)) is not None:
            self._give_up(referral)
        leg_id = self._next(call_id)
        assert old.local is not None
        leaving = _Referral(call_id, leg_id, "", REPLACES, "", old.local, "over")
        self._of_leg[leg_id] = leaving
        self._unconfirmed.add(call_id)
        self._exchange(call_id, leg_id, new, old)
        who = self._admission.policy(new.origin).read(invite).caller
        party = ANONYMOUS if who.anonymous else invite.header("From") or ""
        sip_call_id = invite.header("Call-ID") or ""
        self._owner.pass_on(PartyChanged(call_id, sip_call_id, party, "replaces", who.number))

    # --- the end of a referral ------------------------------------------------------------

    def _fail(self, referral: _Referral, status: int, reason: str) -> None:
        """The new party is not there: the call goes on as it was, if its peer is still there."""
        if not referral.pending:
            return
        status = status if 300 <= status < 700 else NOT_REACHED
        self._notify(referral, status, reason, over=True)
        self._close(referral)
        self._tell(referral, "failed", status, reason)
        if referral.gone is not None:
            self._end_call(referral.gone)

    def _give_up(self, referral: _Referral) -> None:
        self._close(referral)
        self._end_leg(referral)

    def _close(self, referral: _Referral) -> None:
        if referral.state == "asked":
            self._of_leg.pop(referral.leg_id, None)
        referral.state = "over"
        self._of_call.pop(referral.call_id, None)

    def _end_leg(self, referral: _Referral) -> None:
        leg = self._calls.get(referral.leg_id)
        if leg is not None:
            leg.end(Hangup(referral.leg_id))
        else:
            self._placer.withdraw(referral.leg_id)

    def _notify(self, referral: _Referral, status: int, reason: str, *, over: bool = False) -> None:
        call = self._calls.get(referral.call_id)
        if call is not None and referral.about:
            call.notify(referral.about, status, reason, over=over)

    def _tell(
        self,
        referral: _Referral,
        state: Literal["invited", "progress", "failed"],
        status: int = 0,
        reason: str = "",
        sip_call_id: str = "",
    ) -> None:
        self._owner.pass_on(
            ReferNews(
                referral.call_id,
                referral.wanted,
                state,
                status,
                reason,
                sip_call_id,
                referral.account,
            )
        )


def _about(call: Dialog, message: str) -> str:
    """From the second REFER of a dialog on, its number must be named (RFC 3515 2.4.6). A peer that
    wants no NOTIFYs (RFC 4488) may answer them with 481, which would end the call."""
    if (header(message, "Refer-Sub") or "").strip().lower().startswith("false"):
        return ""
    number = (header(message, "CSeq") or "").partition(" ")[0]
    return f"refer;id={number}" if call.refers_taken and number.isdigit() else "refer"
