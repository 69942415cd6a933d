"""INVITEs that come in: judged, given what a call needs, told. pjsua2 thread only.

judge    before pjsip spends anything on a request (our own build alone)
take     when pjsip has made a call of it: a slot of its trunk, a port, IncomingCall
answer   between two polls: 180, or the refusal, which inside its callback would have no headers
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.admission import invite, media_family
from sipua.sip.admission.admission import NO_MEDIA_PORT, Admission, Refusal, refusal_of
from sipua.sip.admission.authentication import RULE
from sipua.sip.admission.dialog_source import DialogSource
from sipua.sip.admission.flood import Dropped
from sipua.sip.admission.gate import Gate
from sipua.sip.messages import Hangup, IncomingCall, SipEvent
from sipua.sip.peer_news import RequestsDropped
from sipua.sip.wire import sdp, texts
from sipua.sip.wire.addresses import address

NO_DIGEST = Refusal(
    403,
    "Forbidden",
    because="the trunk has users, and this build of pjsua2 asks for no password: `make pjsua2`",
    rule=RULE,
)


class OfferedCall(Protocol):
    """What is needed of a call of pjsua2's."""

    call_id: str
    origin: str
    signalling_ip: str
    local: ReservedPort | None
    source: DialogSource

    def ring(self) -> None: ...

    def end(self, order: Hangup) -> None: ...

    def fail(self, where: str, error: BaseException) -> None: ...


class ArrivalOwner(Protocol):
    """The endpoint."""

    emit: Callable[[SipEvent], None]
    after: Callable[[float, Callable[[], None]], None]

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None: ...

    def names_in(self, received: Any) -> frozenset[str]:
        """Of the certificate that a message came with."""


Call = TypeVar("Call", bound=OfferedCall)


class Arrivals(Generic[Call]):
    def __init__(
        self,
        gate: Gate,
        admission: Admission,
        ports: PortPool,
        calls: dict[str, Call],
        owner: ArrivalOwner,
        *,
        rings: Callable[[Call], bool],
        asked: bool,
    ) -> None:
        """`rings`: whether its caller gets a 180 at once; else a worker says what it hears.
        `asked`: this build of pjsua2 calls `judge`."""
        self._owner = owner
        self._rings = rings
        self._asked = asked
        self._gate = gate
        self._admission = admission
        self._ports = ports
        self._calls = calls
        self._dropped = Dropped(
            lambda counts, source: owner.emit(RequestsDropped(counts, source)), owner.after
        )
        self._taken: list[Call] = []
        self._refused: list[tuple[Call, Refusal]] = []

    def judge(
        self, method: str, message: str, received: Any, *, within: bool = False
    ) -> Refusal | None:
        """`within`: it says to be within a dialog, which is not there for its source."""
        source, names = str(received.srcAddress), self._owner.names_in(received)
        calls_up, now, host = len(self._calls), time.monotonic(), address(source)[0]
        if within:
            refusal: Refusal | None = self._gate.within(message, host, now=now, names=names)
        else:
            refusal = self._gate.judge(
                method, message, host, calls_up=calls_up, now=now, names=names
            )
        if refusal is not None and refusal.silent:
            self._dropped.add(refusal.because, host)
        elif refusal is None or refusal.asks or within:
            return refusal
        elif method == "INVITE":
            origin = self._admission.origin(host, names)
            self._owner.emit(invite.read(message, source).refused(refusal, origin))
        elif method == "REFER":
            self._owner.emit(self._gate.refer_refused(message, refusal.status, source))
        return refusal

    def take(self, call: Call, prm: Any) -> None:
        """`call` is there already, so that we answer a failure with 500."""
        arrived_s = time.monotonic()
        try:
            self._offer(call, prm, arrived_s)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._calls.pop(call.call_id, None)
            self._admission.slots.give_back(call.call_id)
            if call.local is not None:
                self._ports.release(call.local, time.monotonic())
            self._refused.append((call, Refusal(500, "Internal Error")))
            self._owner.fault("incoming", error, call.call_id)

    def answer(self) -> list[Call]:
        """Ring for what was taken: the caller need not wait for who will answer. Returns the calls
        that were refused.
        """
        taken, self._taken = self._taken, []
        for call in taken:
            try:
                if self._rings(call):
                    call.ring()
            except Exception as error:  # noqa: BLE001 (it ends this call, and no other)
                call.fail("ring", error)
        refused, self._refused = self._refused, []
        for call, refusal in refused:
            status, reason = refusal.status, refusal.reason
            call.end(Hangup(call.call_id, status, reason, refusal.retry_after_s))
        return [call for call, _ in refused]

    def _offer(self, call: Call, prm: Any, arrived_s: float) -> None:
        message = str(prm.rdata.wholeMsg)
        request = invite.read(message, str(prm.rdata.srcAddress))
        call.signalling_ip = request.source[0]
        names = self._owner.names_in(prm.rdata)
        verdict = self._gate.invite(message, request.source[0], len(self._calls), names=names)
        if isinstance(verdict, str) and not self._asked and self._admission.policy(verdict).users:
            verdict = NO_DIGEST
        if isinstance(verdict, str):
            offered = sdp.offered_host(texts.body(sdp.body(message)))
            held = self._hold(call.call_id, verdict, offered, request.source[0])
            if isinstance(held, Refusal):
                verdict = held
            else:
                call.local = held
        if isinstance(verdict, Refusal) or call.local is None:
            assert isinstance(verdict, Refusal)
            self._refused.append((call, verdict))
            self._owner.emit(
                request.refused(verdict, self._admission.origin(request.source[0], names))
            )
            return
        call.origin = verdict
        call.source.certified = self._admission.certified(verdict, names)
        policy = self._admission.policy(verdict)
        parties = policy.read(request.message)
        self._calls[call.call_id] = call
        self._owner.emit(
            IncomingCall(
                call_id=call.call_id,
                sip_call_id=request.sip_call_id,
                from_uri=request.from_uri,
                to_uri=request.to_uri,
                request_uri=request.request_uri,
                source=request.source,
                origin=verdict,
                local=call.local,
                arrived_s=arrived_s,
                parties=parties,
                claim=policy.claim(request.message, parties),
                altered=request.altered,  # behind what reads
                traceparent=request.traceparent if verdict in self._admission.traced else "",
            )
        )
        self._taken.append(call)  # told: else it would ring, and be refused

    def _hold(self, call_id: str, origin: str, offered: str, source: str) -> ReservedPort | Refusal:
        """What a call needs of us: a slot of its trunk, and a port."""
        if full := self._admission.slots.take(origin, call_id, "incoming"):
            return refusal_of(full)
        reserved = self._reserve(offered, source)
        if isinstance(reserved, Refusal):
            self._admission.slots.give_back(call_id)
        return reserved

    def _reserve(self, offered: str, source: str) -> ReservedPort | Refusal:
        family = media_family.choose(offered, source, self._ports.families)
        if isinstance(family, Refusal):
            return family
        try:
            return self._ports.reserve(time.monotonic(), family)
        except NoPortsLeft as error:
            self._owner.fault("reserve", error)
            return NO_MEDIA_PORT
