"""A call that we place: one attempt at one server. Runs on the pjsua2 thread only.

A trunk has several servers, so the end of an attempt need not be the end of the call: that is for
the owner to decide, who is asked before anything is told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import pjsua2 as pj

from sipua.sip.messages import EndedBy, PlaceCall
from sipua.sip.pj.account import PjAccount
from sipua.sip.pj.call import CallOwner, PjCall
from sipua.sip.pj.guarded import guarded
from sipua.sip.pj.params import call_params
from sipua.sip.state import CallInput, CallState

RINGING = 180


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt has ended before its answer, but not by us."""

    by: EndedBy
    status: int
    reason: str
    message: str = ""
    """The response; empty: none came."""
    rang: bool = False
    """The callee's phone has rung."""


class AttemptOwner(Protocol):
    def heard(self, call: PlacedCall) -> None:
        """The server has answered anything, a 100 included. Again when it rings or is answered."""

    def attempt_over(self, call: PlacedCall, end: AttemptEnd) -> AttemptEnd | None:
        """What is told as the end of the call; None: it goes on at another server."""


class PlacedCall(PjCall):
    def __init__(
        self,
        endpoint: CallOwner,
        account: PjAccount,
        owner: AttemptOwner,
        order: PlaceCall,
        signalling_ip: str,
        *,
        servers: Collection[str] = (),
    ) -> None:
        """`servers`: the addresses that its trunk may answer from."""
        super().__init__(
            endpoint,
            account,
            call_id=order.call_id,
            local=order.local,
            signalling_ip=signalling_ip,
            state=CallState.CALLING,
            placed=order,
            origin=order.account,
        )
        self.source.learn(servers)
        self._owner = owner
        self.heard = self.rang = False
        self._response = ""

    def give_up(self, status: int, reason: str) -> None:
        """End an attempt to which no answer has come. A late one gets a CANCEL, or a BYE."""
        self.close(EndedBy.NETWORK, status, reason)
        self.hangup(call_params())

    def close(self, by: EndedBy, status: int, reason: str) -> None:
        placing = self.state in (CallState.CALLING, CallState.PROCEEDING)
        if placing and by is not EndedBy.US:
            end = AttemptEnd(by, status, reason, self._response, self.rang)
            told = self._owner.attempt_over(self, end)
            if told is None:
                self._advance(CallInput.DISCONNECTED)
                return
            by, status, reason = told.by, told.status, told.reason
        super().close(by, status, reason)

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        """A 100 is told here alone."""
        super().onCallTsxState(prm)
        if not self.heard and prm.e.type == pj.PJSIP_EVENT_TSX_STATE:
            tsx, why = prm.e.body.tsxState.tsx, prm.e.body.tsxState.type
            ours = tsx.method == "INVITE" and tsx.role == pj.PJSIP_ROLE_UAC
            if ours and why == pj.PJSIP_EVENT_RX_MSG:
                self.heard = True
                self._owner.heard(self)

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        super().onCallState(prm)
        info = self.getInfo()
        early = info.state == pj.PJSIP_INV_STATE_EARLY and info.lastStatusCode == RINGING
        if not self.rang and (early or info.state == pj.PJSIP_INV_STATE_CONFIRMED):
            self.heard = self.rang = True
            self._owner.heard(self)

    def _unusable(self, message: str, cause: str) -> None:
        self._response = message  # the server is there, whatever it says
        super()._unusable(message, cause)

    def _disconnected(self, status: int, reason: str, event: Any) -> None:
        state = event.body.tsxState
        if state.type == pj.PJSIP_EVENT_RX_MSG:
            self._response = str(state.src.rdata.wholeMsg)
        super()._disconnected(status, reason, event)
