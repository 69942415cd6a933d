"""The pjsua2 library as one object: transports, accounts, calls. pjsua2 thread only.

Commands come in as plain data (`command`), events leave through `emit`; `agent` puts both on
the asyncio side. Strong references to calls are held here and dropped between two polls: a
`pj.Call` that Python collects hangs up the call that has its slot by then.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from sipua.rtp.events import Address
from sipua.rtp.hostport import is_address, join
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort, family_of
from sipua.sip import sdp, texts
from sipua.sip.addresses import Listener, address, of_family, server_of
from sipua.sip.admission import invite, media_family
from sipua.sip.admission.admission import NO_MEDIA_PORT, Admission, Refusal, network_of
from sipua.sip.admission.gate import Gate
from sipua.sip.dns.names import SIP_PORT, Name, NotFound, Outcome
from sipua.sip.errors import CannotListenError, reason_of
from sipua.sip.messages import (
    Answer,
    CallCommand,
    CallEnded,
    CallInvited,
    EndedBy,
    Hangup,
    IncomingCall,
    Leave,
    PlaceCall,
    Refresh,
    SetAccounts,
    SetHold,
    SignallingFault,
    SipCommand,
    SipEvent,
    Transfer,
    new_call_id,
)
from sipua.sip.pj.account import PjAccount, has_ipv6
from sipua.sip.pj.accounts import LOCAL_ACCOUNT, Accounts
from sipua.sip.pj.call import PjCall
from sipua.sip.pj.closed_port import CHECK_AFTER_S, ClosedPort
from sipua.sip.pj.library import Library
from sipua.sip.pj.native.resolver import LayoutError, PjResolver
from sipua.sip.pj.params import call_params
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.sip.state import CallState


class SipEndpoint:
    def __init__(
        self,
        settings: SipSettings,
        admission: Admission,
        ports: PortPool,
        emit: Callable[[SipEvent], None],
        after: Callable[[float, Callable[[], None]], None],
        *,
        resolve: Callable[[Name, Callable[[Outcome], None]], Outcome | None],
    ) -> None:
        self.settings = settings
        self.emit = emit
        self.after = after
        self.closing = False
        self.listeners: tuple[Listener, ...] = ()
        self._admission = admission
        self._ports = ports
        self._resolve = resolve
        self._names = PjResolver(resolve, self.fault)
        self.gate = Gate(admission, ports, codecs=settings.codecs)
        self._library: Library | None = None
        self._accounts = Accounts(lambda account: PjAccount(self, account), self.fault)
        self._calls: dict[str, PjCall] = {}
        self._to_place: dict[str, PlaceCall] = {}
        """Calls whose server's name is being looked up."""
        self._taken: list[PjCall] = []
        self._refused: list[tuple[PjCall, Refusal]] = []
        self._ended: list[PjCall] = []

    # --- life (called by the thread) ------------------------------------------------------

    def open(self) -> None:
        hosts = (*self.settings.hosts, *self.settings.media_hosts)
        ipv6 = of_family(hosts, socket.AF_INET6)
        if ipv6 is not None and not has_ipv6():
            raise CannotListenError(
                f"cannot listen on {ipv6}: this pjsua2 is built without IPv6; `make pjsua2` builds "
                "one with it"
            )
        self._library = Library(
            self.settings, self.emit, self.fault, self._account_for, self._refusal_of
        )
        self.listeners = self._library.begin()
        self._names.versions = {6 if ":" in host else 4 for host in self.settings.hosts}
        try:
            self._names.install()
        except LayoutError as error:
            self.fault("resolver", error)
        host, port = self.listeners[0].address
        own = AccountSettings(LOCAL_ACCOUNT, f"sip:sipua@{join(host, port)}")
        self._local = self._accounts.open(own)
        for account in self.settings.accounts:
            self._accounts.open(account)
        self._local.setDefault()

    def poll(self, timeout_ms: int) -> None:
        if self._library is not None:
            self._library.poll(timeout_ms)
        self._ring()
        self._refuse()
        self._ended.clear()
        self._accounts.tidy(self._calls.values())

    def can_wake(self) -> bool:
        return self._library is not None and self._library.can_wake()

    def wake(self) -> None:
        if self._library is not None:
            self._library.wake()

    def _ring(self) -> None:
        """Ring for what was taken at once: the caller need not wait for who will answer."""
        taken, self._taken = self._taken, []
        for call in taken:
            try:
                call.ring()
            except Exception as error:  # noqa: BLE001 (it ends this call, and no other)
                call.fail("ring", error)

    def _refuse(self) -> None:
        """Refuse between two polls: inside its callback pjsua2 would answer without our headers."""
        refused, self._refused = self._refused, []
        for call, refusal in refused:
            self._ended.append(call)
            status, reason = refusal.status, refusal.reason
            call.end(Hangup(call.call_id, status, reason, refusal.retry_after_s))

    def leave(self) -> None:
        """Unregister: no registrar shall send us calls any more."""
        self.closing = True
        for account in self._accounts:
            account.unregister()

    def close(self) -> None:
        self.leave()
        self._to_place.clear()
        for call in list(self._calls.values()):
            call.end(Hangup(call.call_id, 503, "Shutting Down"))

    def idle(self) -> bool:
        return not self._calls and not any(a.registered for a in self._accounts)

    def destroy(self) -> None:
        self._calls.clear()
        self._ended.clear()
        self._accounts.close()
        self._names.close()
        if self._library is not None:
            with contextlib.suppress(pj.Error):
                self._library.end()
            self._library = None

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None:
        self.emit(SignallingFault(where, reason_of(error), call_id))

    # --- commands -------------------------------------------------------------------------

    def command(self, command: SipCommand) -> None:
        if isinstance(command, PlaceCall):
            self._place(command)
        elif isinstance(command, Leave):
            self.leave()
        elif not isinstance(command, Refresh | SetAccounts):
            self._command_call(command)
        elif not self.closing:
            self._accounts.command(command, self._calls.values())

    def _command_call(self, command: CallCommand) -> None:
        call = self._calls.get(command.call_id)
        if call is None:  # it ended before the command came, or has not begun
            if isinstance(command, Hangup) and command.call_id in self._to_place:
                del self._to_place[command.call_id]
                self.emit(CallEnded(command.call_id, EndedBy.US, 487, "Request Terminated"))
            return
        try:
            match command:
                case Answer():
                    call.accept()
                case Hangup():
                    call.end(command)
                case Transfer():
                    call.refer(command.target)
                case SetHold():
                    call.set_hold(command.on)
        except Exception as error:  # noqa: BLE001 (not only pj.Error: a text that SIP cannot hold)
            call.fail(type(command).__name__, error)

    def _place(self, command: PlaceCall) -> None:
        account = self._accounts.get(command.account or LOCAL_ACCOUNT)
        if account is None:
            self.emit(CallEnded(command.call_id, EndedBy.US, 404, f"no account {command.account}"))
            return
        # The server, and our address towards it, must be known before the offer is made.
        host, port = server_of(account.settings.proxy or command.target)
        if is_address(host):
            self._place_at((host, port or SIP_PORT), account, command)
            return
        self._to_place[command.call_id] = command

        def found(outcome: Outcome) -> None:
            if self._to_place.pop(command.call_id, None) is None:
                return  # hung up meanwhile
            if isinstance(outcome, NotFound):
                reason = f"{host}: {outcome.cause}"
                self.emit(CallEnded(command.call_id, EndedBy.NETWORK, 502, reason))
                return
            reachable = (
                a
                for a in outcome.every_address
                if self._names.reaches(a) and family_of(a) == command.local.family
            )
            # With several servers pjsip tries the next one when one is closed.
            known_port = 0 if outcome.services and not port else port or SIP_PORT
            server = next(reachable, outcome.every_address[0]), known_port
            self._place_at(server, account, command)

        outcome = self._resolve(Name(host.lower(), services=not port), found)
        if outcome is not None:
            found(outcome)

    def _place_at(self, server: Address, account: PjAccount, command: PlaceCall) -> None:
        """Place the call; port 0: not known."""
        try:
            call = self._calls[command.call_id] = PjCall(
                self,
                account,
                call_id=command.call_id,
                local=command.local,
                signalling_ip=server[0],
                state=CallState.CALLING,
                placed=command,
            )
        except Exception as error:  # noqa: BLE001 (its caller waits for the end of the call)
            self.emit(CallEnded(command.call_id, EndedBy.US, 500, reason_of(error)))
            return
        try:
            call.makeCall(command.target, call_params(headers=command.headers))
        except Exception as error:  # noqa: BLE001 (as above; pjsip may have reported it already)
            call.close(EndedBy.US, 500, reason_of(error))
            return
        if self._calls.get(command.call_id) is call:  # it has not failed at once
            sip_call_id = texts.line(str(call.getInfo().callIdString))
            self.emit(CallInvited(command.call_id, sip_call_id))
        first_hop = account.settings.proxy or command.target
        if server[1] and "transport=tcp" not in first_hop.lower():
            self._watch_port(command.call_id, server)

    def _watch_port(self, call_id: str, server: Address) -> None:
        """End a call that we placed to a closed port at once, not after 32 s of silence."""
        port = ClosedPort(*server)
        delays = iter(CHECK_AFTER_S)

        def check() -> None:
            call = self._calls.get(call_id)
            calling = call is not None and call.state is CallState.CALLING
            if call is not None and calling and port.refused():
                call.unreachable(f"{join(*server)} is closed: no SIP server listens there by UDP")
                calling = False
            following = next(delays, None) if calling else None
            if following is None:
                port.close()
            else:
                self.after(following, check)

        self.after(next(delays), check)

    # --- called by accounts and calls -----------------------------------------------------

    def incoming(self, account: PjAccount, prm: Any) -> None:
        """Take an INVITE. The call is made first, so that we answer a failure with 500."""
        arrived_s = time.monotonic()
        call = PjCall(
            self,
            account,
            call_id=new_call_id(),
            local=None,
            signalling_ip="",
            state=CallState.OFFERED,
            pj_id=prm.callId,
        )
        try:
            self._offer(call, prm, arrived_s)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self._calls.pop(call.call_id, None)
            if call.local is not None:
                self._ports.release(call.local, time.monotonic())
            self._refused.append((call, Refusal(500, "Internal Error")))
            self.fault("incoming", error, call.call_id)

    def _offer(self, call: PjCall, prm: Any, arrived_s: float) -> None:
        message = str(prm.rdata.wholeMsg)
        request = invite.read(message, str(prm.rdata.srcAddress))
        call.signalling_ip = request.source[0]
        verdict = self.gate.invite(message, request.source[0], len(self._calls))
        if isinstance(verdict, str):
            offered = sdp.offered_host(texts.body(sdp.body(message)))
            reserved = self._reserve(offered, request.source[0])
            if isinstance(reserved, Refusal):
                verdict = reserved
            else:
                call.local = reserved
        if isinstance(verdict, Refusal) or call.local is None:
            assert isinstance(verdict, Refusal)
            self._refused.append((call, verdict))
            self.emit(request.refused(verdict, self._admission.origin(request.source[0])))
            return
        self._calls[call.call_id] = call
        self._taken.append(call)
        self.emit(
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
                altered=request.altered,
                traceparent=invite.traceparent(message)
                if verdict in self._admission.traced
                else "",
            )
        )

    def _refusal_of(self, method: str, message: str, source: str) -> Refusal | None:
        """Called before pjsip spends anything, by our own build of pjsua2 alone."""
        calls_up, now, host = len(self._calls), time.monotonic(), address(source)[0]
        refusal = self.gate.judge(method, message, host, calls_up=calls_up, now=now)
        if refusal is not None and method == "INVITE":
            self.emit(invite.read(message, source).refused(refusal, self._admission.origin(host)))
        return refusal

    def _reserve(self, offered: str, source: str) -> ReservedPort | Refusal:
        family = media_family.choose(offered, source, self._ports.families)
        if isinstance(family, Refusal):
            return family
        try:
            return self._ports.reserve(time.monotonic(), family)
        except NoPortsLeft as error:
            self.fault("reserve", error)
            return NO_MEDIA_PORT

    def _account_for(self, source: str) -> int:
        """The account of the PBX or trunk at this address, or the one without credentials."""
        origin = self._admission.origin(address(source)[0])
        account = self._accounts.get(origin or "") or self._local
        return int(account.getId())

    def forget(self, call: PjCall) -> bool:
        """Forget a call that is over; its object is freed between two polls, never in its callback.

        False: it was forgotten already.
        """
        if self._calls.get(call.call_id) is not call:
            return False
        del self._calls[call.call_id]
        self._ended.append(call)
        return True

    def with_call(self, call_id: str, action: Callable[[PjCall], None]) -> None:
        if call_id in self._calls:
            action(self._calls[call_id])

    def place_again(self, call: PjCall, source: str, challenge: str) -> bool:
        """Repeat a call that was challenged before its account knew the realm; at most once."""
        if call.placed is None or not call.account.learn_from(source, challenge):
            return False
        self.forget(call)
        self._place(call.placed)
        return True

    def belongs(self, name: str, source: str) -> bool:
        return self._admission.belongs(name, address(source)[0])

    def trust(self, name: str, source: str) -> None:
        """Let a registrar that answered send us calls from the address of its answer."""
        host = address(source)[0]
        network = network_of(host)
        if network is not None and self._admission.origin(host) in (None, "anyone"):
            self._admission.learn(name, network)
