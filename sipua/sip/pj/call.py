"""One call as pjsua2 sees it. Runs on the pjsua2 thread only.

pjsua2 believes that a loop transport carries the audio; `onCallSdpCreated` puts our own RTP
port into each SDP that leaves. Every callback is wrapped: SWIG would swallow an exception
and leave the call hanging.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pjsua2 as pj

from sipua.rtp.ports import ReservedPort
from sipua.sip.admission.dialog_source import DialogSource
from sipua.sip.admission.gate import Gate
from sipua.sip.errors import reason_of
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallProgress,
    EndedBy,
    Hangup,
    HoldDone,
    HoldRefused,
    MediaReady,
    NegotiatedMedia,
    OfferRefused,
    PlaceCall,
    SipEvent,
    Transfer,
    TransferRefused,
)
from sipua.sip.nat.told_address import ToldAddress
from sipua.sip.pj.dialogs import codes, negotiated, own_sdp
from sipua.sip.pj.dialogs.ended_by import REQUEST_TIMEOUT, ended_by
from sipua.sip.pj.dialogs.referrals import OK, Referrals
from sipua.sip.pj.dialogs.sources import SourceCheck
from sipua.sip.pj.guarded import guarded
from sipua.sip.pj.native import in_dialog, info_request
from sipua.sip.pj.params import call_params, notify_params
from sipua.sip.settings import SipSettings
from sipua.sip.state import LONGEST_TRANSACTION_S, CallInput, CallState, advance
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import address, in_brackets
from sipua.sip.wire.info_digits import DigitTold, InfoDigits
from sipua.sip.wire.transfer_messages import TransferDone, TransferFailed, TransferProgress


class CallOwner(Protocol):
    """What a call needs of the endpoint that holds it."""

    settings: SipSettings
    told: ToldAddress
    gate: Gate
    referrals: Referrals
    sources: SourceCheck
    emit: Callable[[SipEvent], None]
    after: Callable[[float, Callable[[], None]], None]

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None: ...

    def forget(self, call: PjCall) -> bool: ...

    def names_in(self, received: Any) -> frozenset[str]: ...

    def with_call(self, call_id: str, action: Callable[[PjCall], None]) -> None: ...

    def place_again(self, call: PjCall, source: str, challenge: str) -> bool: ...


class PjCall(pj.Call):  # type: ignore[misc]  # SWIG classes are untyped
    def __init__(
        self,
        endpoint: CallOwner,
        account: Any,
        *,
        call_id: str,
        local: ReservedPort | None,
        signalling_ip: str,
        state: CallState,
        pj_id: int = -1,
        placed: PlaceCall | None = None,
        origin: str = "",
    ) -> None:
        """`origin`: the account or trunk that it came from, or goes out by."""
        super().__init__(account, pj_id)
        self.account = account
        self.origin = origin
        self.placed = placed
        self.endpoint = endpoint
        self.call_id = call_id
        self.local = local
        self.signalling_ip = signalling_ip
        self.source = DialogSource()
        self.state = state
        self.media: NegotiatedMedia | None = None
        self.refers, self.refers_taken = False, 0
        self._successor: tuple[PjCall, texts.Message] | None = None
        """The call that an INVITE with Replaces puts in this one's place."""
        self._offered = negotiated.Offered(keying=negotiated.keying_of(account.settings))
        self._asked_hold: bool | None = None
        """While our re-INVITE is not answered: what it wants."""
        self._hold_tsx, self._info_digits = 0, InfoDigits()

    # --- commands -------------------------------------------------------------------------

    def ring(self) -> None:
        if advance(self.state, CallInput.RING):
            self.answer(call_params(180))
            self._advance(CallInput.RING)

    def be_heard(self) -> None:
        """183 with SDP; 180 where the INVITE has no offer that it could answer."""
        if not self.getInfo().remOfferer:
            self.ring()
        elif advance(self.state, CallInput.EARLY):
            self.answer(call_params(183))
            if self._advance(CallInput.EARLY):
                self._read_media()

    def accept(self) -> None:
        if advance(self.state, CallInput.ANSWER):
            try:
                self.answer(call_params(200))
            except pj.Error as error:
                if error.status != codes.UNREADABLE_OFFER:
                    raise
                # pjsip looks closer at an SDP than the gate: the peer's fault, and none of ours.
                self.end(Hangup(self.call_id, codes.NOT_ACCEPTABLE, "Not Acceptable Here"))
                return
            if self._advance(CallInput.ANSWER):
                self.expect_ack()
                self._read_media()

    def expect_ack(self) -> None:
        self._later(codes.ACK_WITHIN_S, PjCall.unacknowledged)

    def end(self, order: Hangup) -> None:
        """End the call. ValueError: an invalid contact. A call that pjsip does not end is closed
        here: at once when pjsip reports an error, else after LONGEST_TRANSACTION_S."""
        if self.state in (CallState.ANSWERED, CallState.CONFIRMED):
            order = Hangup(self.call_id, fault=order.fault)  # a BYE has no status
        status, reason = order.status, order.reason
        headers = {"Retry-After": str(order.retry_after_s)} if order.retry_after_s else {}
        if order.contact:
            headers["Contact"] = in_brackets(order.contact)
        if order.fault:  # RFC 3326; in a response RFC 6432. 41 of Q.850: temporary failure.
            headers["Reason"] = f'Q.850;cause=41;text="{order.fault}"'
        params = call_params(status, reason, headers)
        if not self._advance(CallInput.HANGUP):
            return
        try:
            self.hangup(params)
        except Exception as error:  # noqa: BLE001 (the call must end in any case)
            self.endpoint.fault("hangup", error, self.call_id)
            self.close(EndedBy.US, status or codes.INTERNAL_ERROR, reason or "Internal Error")
        if self.state is CallState.ENDING:  # else pjsip has reported its end from within
            self._later(LONGEST_TRANSACTION_S, PjCall.end_timed_out)

    def fail(self, where: str, error: Exception) -> None:
        """Log a fault of our own code and end this call, no other."""
        self.endpoint.fault(where, error, self.call_id)
        self.end(Hangup(self.call_id, codes.INTERNAL_ERROR, "Internal Error"))

    def close(self, by: EndedBy, status: int, reason: str) -> None:
        """Report the end of the call, once, whatever pjsip still has to do for it."""
        self._advance(CallInput.DISCONNECTED)
        if self.endpoint.forget(self):
            self.endpoint.emit(CallEnded(self.call_id, by, status, reason))

    def unacknowledged(self) -> None:
        if self.state is CallState.ANSWERED:
            self.close(EndedBy.NETWORK, REQUEST_TIMEOUT, "no ACK came")
            self.hangup(call_params())

    def unanswered_offer(self) -> None:
        """An INVITE without an offer, and an ACK without an answer (RFC 3261 13.2.1): pjsip lets
        such a call be, and without media it would have no timeout."""
        if self.state is CallState.CONFIRMED and self.media is None:
            self.close(EndedBy.PEER, codes.NOT_ACCEPTABLE, "our offer got no answer")
            self.hangup(call_params())

    def end_timed_out(self) -> None:
        if self.state is CallState.ENDING:
            self.endpoint.fault("end", TimeoutError("pjsip never told it"), self.call_id)
            self.close(EndedBy.US, REQUEST_TIMEOUT, "the end was never told")

    def refer(self, order: Transfer, leg: PjCall | None) -> None:
        """Send a REFER. The outcome comes as an event, also when it could not be sent."""
        if self.state is not CallState.CONFIRMED or (order.leg and leg is None):
            self._referred(codes.WRONG_STATE, "the call is not up")
            return
        self.refers = True
        try:
            if leg is not None:
                self.xferReplaces(leg, call_params())
            else:
                self.xfer(in_brackets(order.target), call_params())
        except Exception as error:  # noqa: BLE001 (the call goes on in any case)
            self._referred(codes.INTERNAL_ERROR, reason_of(error))

    def notify(self, about: str, status: int, reason: str, *, over: bool = False) -> None:
        if self.state is CallState.CONFIRMED:
            try:
                self.sendRequest(notify_params(about, status, reason, over=over))
            except Exception as error:  # noqa: BLE001 (the call goes on in any case)
                self.endpoint.fault("notify", error, self.call_id)

    def set_hold(self, on: bool) -> None:
        """Send a re-INVITE: `sendonly`, or `sendrecv` again. The outcome comes as with `refer`."""
        if self.state is not CallState.CONFIRMED or self._asked_hold is not None:
            self._hold_over(on, codes.WRONG_STATE, "the call is not up, or a hold is under way")
            return
        self._asked_hold, self._hold_tsx = on, 0
        try:
            if on:
                self.setHold(call_params())
            else:
                self.reinvite(call_params(flag=pj.PJSUA_CALL_UNHOLD))
        except Exception as error:  # noqa: BLE001 (the call goes on as it was)
            under_way = isinstance(error, pj.Error) and error.status in codes.UNDER_WAY
            status = codes.GLARE if under_way else codes.INTERNAL_ERROR
            self._hold_over(on, status, reason_of(error))

    def _hold_over(self, on: bool, status: int, reason: str) -> None:
        self._asked_hold = None
        refused = HoldRefused(self.call_id, on, status, texts.line(reason))
        self.endpoint.emit(HoldDone(self.call_id, on) if 200 <= status < 300 else refused)

    def _later(self, delay_s: float, action: Callable[[PjCall], None]) -> None:
        """Call `action` later if the call still exists: the timer does not keep it alive."""
        endpoint, call_id = self.endpoint, self.call_id
        endpoint.after(delay_s, lambda: endpoint.with_call(call_id, action))

    def _advance(self, event: CallInput) -> bool:
        following = advance(self.state, event)
        if following is None:
            return False
        self.state = following
        return True

    # --- callbacks ------------------------------------------------------------------------

    def onCallRxRequest(self, prm: Any) -> None:  # noqa: N802 (our own build's: mends.py)
        self.endpoint.sources.judge(self, prm)

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        if self.local is not None:
            endpoint, own, source = self.endpoint, self.account.settings, self.signalling_ip
            here, told = (self.local, endpoint.settings, own), endpoint.told
            own_sdp.write(prm, self._offered, *here, signalling_ip=source, told=told)

    @guarded
    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802
        """A re-INVITE or UPDATE. Our sockets have the family of the first offer. An offer that
        cannot be met is refused, and the call goes on as it was (RFC 3261 14.2); pjsip would look a
        host name up, on this thread."""
        assert self.local is not None, "a call without a port never has an offer to answer"
        offer = texts.body(prm.offer.wholeSdp)
        policy = self._offered.srtp, self.account.settings.srtp_keys
        if cause := self.endpoint.gate.misplaced(offer, self.local.family, *policy):
            prm.statusCode = codes.NOT_ACCEPTABLE
            self.endpoint.emit(OfferRefused(self.call_id, codes.NOT_ACCEPTABLE, cause))

    @guarded
    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        if self.state not in (CallState.OFFERED, CallState.RINGING):  # else the 200 leaves first
            self._read_media()

    def _read_media(self) -> None:
        codec = (self.account.settings.codecs or self.endpoint.settings.codecs)[0]
        media = negotiated.of_call(self, self.media, self._offered, self.signalling_ip, codec)
        if media is not None and media != self.media:
            self.media = media
            self.endpoint.emit(MediaReady(self.call_id, media))

    def _read_answer(self, event: Any) -> None:
        """The answer to an offer of ours: pjsua2 shows it as a message only, behind the media."""
        over = self.state in (CallState.ENDING, CallState.ENDED)
        if over or not (message := in_dialog.answer(event)):
            return
        if cause := self._offered.read_answer(message):
            self._unusable(message, cause)
        elif self._offered.keying and self.state not in (CallState.OFFERED, CallState.RINGING):
            self._read_media()

    def _unusable(self, _message: str, cause: str) -> None:
        """The call cannot go on with the answer in this message. The BYE comes between two polls:
        in a callback of a 200 pjsip would send it before the ACK, and another one behind it."""
        self.close(EndedBy.PEER, codes.NOT_ACCEPTABLE, cause)
        self.endpoint.after(0.0, self._leave)

    def _leave(self) -> None:
        if self.isActive():
            self.hangup(call_params())

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """INFO and REFER of the peer; and our re-INVITE's end: nothing else of pjsua2 tells a
        refusal. One that pjsip sends again, with a digest or a longer session, has begun another
        transaction by then."""
        if (message := in_dialog.request(prm.e, "REFER")) is not None:
            self.endpoint.referrals.asked(self, message, partial(in_dialog.respond, prm.e))
        if (told := info_request.answered(prm.e, self._info_digits)) and told.digit:
            self.endpoint.emit(DigitTold(self.call_id, told.digit, told.duration_ms))
        self._read_answer(prm.e)
        on = self._asked_hold
        if on is None or prm.e.type != pj.PJSIP_EVENT_TSX_STATE:
            return
        tsx = prm.e.body.tsxState.tsx
        if tsx.method != "INVITE" or tsx.role != pj.PJSIP_ROLE_UAC:
            return
        if tsx.state == pj.PJSIP_TSX_STATE_CALLING:
            self._hold_tsx = int(tsx.pjTransaction)
        elif tsx.state >= pj.PJSIP_TSX_STATE_COMPLETED and int(tsx.pjTransaction) == self._hold_tsx:
            self._hold_over(on, int(tsx.statusCode), str(tsx.statusText))

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        status, reason = int(info.lastStatusCode), texts.line(str(info.lastReason))
        if self.placed is not None and (received := in_dialog.received(prm.e)) is not None:
            self.endpoint.sources.heard(self, received)  # maybe another address than we called
        self._read_answer(prm.e)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._disconnected(status, reason, prm.e)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            if self._advance(CallInput.ACKNOWLEDGED):
                self.endpoint.emit(CallConfirmed(self.call_id))
                if self.media is None:
                    self._later(codes.MEDIA_WITHIN_S, PjCall.unanswered_offer)
        elif info.state == pj.PJSIP_INV_STATE_EARLY and self._advance(CallInput.PROVISIONAL):
            self.endpoint.emit(CallProgress(self.call_id, status, reason))

    def _disconnected(self, status: int, reason: str, event: Any) -> None:
        by = EndedBy.US
        try:
            if status in codes.CHALLENGES and self.state is CallState.CALLING:
                response = event.body.tsxState.src.rdata
                if self.endpoint.place_again(self, response.srcAddress, response.wholeMsg):
                    return
            by = ended_by(self.state, status, event)
        except Exception as error:  # noqa: BLE001 (the end must be reported in any case)
            self.endpoint.fault("onCallState", error, self.call_id)
        self.close(by, status, reason)

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """Asked where we could not answer. pjsua's default is 202, and a call to any target."""
        prm.statusCode = codes.TRANSFER_REFUSED
        target = texts.line(str(prm.dstUri))
        self.endpoint.emit(TransferRefused(self.call_id, target, codes.TRANSFER_REFUSED, "refer"))

    @guarded
    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        reason = texts.line(str(prm.reason))
        self._referred(int(prm.statusCode), reason, final=bool(prm.finalNotify))

    def _referred(self, status: int, reason: str, *, final: bool = True) -> None:
        """A NOTIFY (RFC 3515 2.4.5). Some peers end the subscription without a final status."""
        self.refers = not final and status < 200
        if 200 <= status < 300:
            self.endpoint.emit(TransferDone(self.call_id, status, reason))
        elif final or status >= 300:
            self.endpoint.emit(TransferFailed(self.call_id, status, reason))
        else:
            self.endpoint.emit(TransferProgress(self.call_id, status, reason))

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        """This call is meant. After our 200 pjsip answers the INVITE, and ends this dialog."""
        prm.statusCode = codes.TRANSFER_REFUSED
        host, _ = address(str(prm.rdata.srcAddress))
        names = self.endpoint.names_in(prm.rdata)
        prm.statusCode = status = self.endpoint.referrals.may_replace(self, host, names)
        if status != OK:
            return
        prm.newCall = new = PjCall(
            self.endpoint,
            self.account,
            call_id=self.call_id,
            local=self.local,
            signalling_ip=host,
            state=CallState.ANSWERED,
            origin=self.origin,
        )
        self.endpoint.sources.heard(new, prm.rdata)
        self._successor = new, texts.Message(str(prm.rdata.wholeMsg))

    @guarded
    def onCallReplaced(self, _prm: Any) -> None:  # noqa: N802
        """Just before the 200."""
        if self._successor is not None:
            (new, invite), self._successor = self._successor, None
            self.endpoint.referrals.replaced(self, new, invite)
            new.expect_ack()
