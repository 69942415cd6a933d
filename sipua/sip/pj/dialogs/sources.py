"""Whether a request within a call comes from a source that may send it, before pjsip takes it.
pjsua2 thread only, and our own build alone (`new_request.cpp`).

What is refused goes on to the gate as what it would be without its call: it gets the answer of a
dialog that is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from sipua.sip.admission.admission import Admission
from sipua.sip.admission.dialog_source import DialogSource
from sipua.sip.messages import RequestRefused, SipEvent
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import address


class CallWithSource(Protocol):
    """What is needed of a call of pjsua2's."""

    call_id: str
    origin: str
    signalling_ip: str
    source: DialogSource


class SourceOwner(Protocol):
    """The endpoint."""

    emit: Callable[[SipEvent], None]

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None: ...

    def names_in(self, received: Any) -> frozenset[str]:
        """Of the certificate that a message came with."""


class SourceCheck:
    def __init__(self, owner: SourceOwner, admission: Admission) -> None:
        self._owner = owner
        self._admission = admission

    def judge(self, call: CallWithSource, prm: Any) -> None:
        """`prm`: of `onCallRxRequest`."""
        prm.refused = True
        try:
            if self._may_enter(call, prm):
                prm.refused = False
                return
            kept_back = call.source.tells(time.monotonic())
            if kept_back is not None:
                method, source = texts.line(str(prm.method)), address(str(prm.rdata.srcAddress))
                self._owner.emit(RequestRefused(call.call_id, method, source, kept_back))
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it; the call goes on)
            self._owner.fault("onCallRxRequest", error)

    def heard(self, call: CallWithSource, received: Any) -> None:
        """A response to our INVITE: where the other side is. Or an INVITE that replaces a call."""
        call.signalling_ip = address(str(received.srcAddress))[0]
        call.source.learn((call.signalling_ip,))
        names = self._owner.names_in(received)
        if self._admission.certified(call.origin, names):
            call.source.certified = True  # and it stays so, whatever comes by another connection

    def _may_enter(self, call: CallWithSource, prm: Any) -> bool:
        if self._admission.policy(call.origin).dialog_source == "any":
            return True
        host = address(str(prm.rdata.srcAddress))[0]
        by_certificate = call.source.certified and self._admission.asks_certificate(call.origin)
        if host == call.signalling_ip and not by_certificate:
            return True
        names = self._owner.names_in(prm.rdata)
        return call.source.allows(self._admission, call.origin, host, names, prm.hosts)
