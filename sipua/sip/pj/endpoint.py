"""The pjsua2 library as one object: transports, accounts, calls. pjsua2 thread only.

Commands come in as plain data (`command`), events leave through `emit`; `agent` puts both on
the asyncio side. Strong references to calls are held here and dropped between two polls: a
`pj.Call` that Python collects hangs up the call that has its slot by then.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from sipua.rtp.hostport import join
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.admission import invite, media_family
from sipua.sip.admission.admission import (
    NO_MEDIA_PORT,
    Admission,
    Refusal,
    network_of,
    refusal_of,
)
from sipua.sip.admission.flood import Dropped
from sipua.sip.admission.gate import Gate
from sipua.sip.dns.names import Name, Outcome
from sipua.sip.errors import CannotListenError, reason_of
from sipua.sip.messages import (
    Answer,
    BeHeard,
    CallCommand,
    CallEnded,
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
from sipua.sip.pj.dialogs.referrals import Referrals
from sipua.sip.pj.library import Library
from sipua.sip.pj.native.resolver import LayoutError, PjResolver
from sipua.sip.pj.placer import Placer
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.sip.state import CallState
from sipua.sip.trunks.probes import Probes
from sipua.sip.trunks.servers import TrunkServers
from sipua.sip.wire import sdp, texts
from sipua.sip.wire.addresses import Listener, address, of_family, server_of
from sipua.sip.wire.refer_messages import FollowRefer, RefuseRefer
from sipua.sip.wire.tls import SetTls


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
        self.emit: Callable[[SipEvent], None] = self._emit
        self.pass_on = emit
        self.after = after
        self.closing = False
        self.listeners: tuple[Listener, ...] = ()
        self._admission = admission
        self._ports = ports
        self._names = PjResolver(resolve, self.fault)
        self.gate = Gate(admission, ports, codecs=settings.codecs)
        self._library: Library | None = None
        self._accounts = Accounts(lambda account: PjAccount(self, account), self.fault)
        self._calls: dict[str, PjCall] = {}
        self._servers = TrunkServers(random.Random())  # noqa: S311 (a draw among servers)
        self._servers.use(settings.accounts)
        self._placer = Placer(self, self._calls, self._servers, self._names, resolve)
        self.referrals = Referrals(self, self._calls, admission, self._placer)
        self._dropped = Dropped(emit, after)
        self._probes = Probes(
            self._servers, send=self._probe, after=after, tell=emit, now=time.monotonic
        )
        self._taken: list[PjCall] = []
        self._refused: list[tuple[PjCall, Refusal]] = []
        self._ended: list[PjCall] = []

    def _emit(self, event: SipEvent) -> None:
        if isinstance(event, CallEnded):  # the one end of each call, whatever its way was
            self._admission.slots.give_back(event.call_id)
        if not self.referrals.takes(event):
            self.pass_on(event)

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
            self.settings,
            self.emit,
            self.fault,
            self._account_for,
            self._refusal_of,
            after=self.after,
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
        self._probes.use(self.settings.accounts)

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
                if not call.account.settings.early_media:
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
        self._placer.close()
        self._probes.close()
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
            self._placer.place(command)
        elif isinstance(command, FollowRefer | RefuseRefer):
            self.referrals.command(command)
        elif isinstance(command, Leave):
            self.leave()
        elif isinstance(command, SetTls):
            if self._library is not None and self._library.tls is not None:
                self._library.tls.use(command.tls)
        elif not isinstance(command, Refresh | SetAccounts):
            self._command_call(command)
        elif not self.closing:
            if isinstance(command, SetAccounts):
                self._servers.use(command.accounts)
            self._accounts.command(command, self._calls.values())
            if isinstance(command, SetAccounts):
                self._probes.use(command.accounts)

    def _command_call(self, command: CallCommand) -> None:
        call = self._calls.get(command.call_id)
        if call is None:  # it ended before the command came, or has not begun
            if isinstance(command, Hangup):
                self._placer.withdraw(command.call_id)
                self.referrals.hung_up(command.call_id)
            return
        try:
            match command:
                case BeHeard():
                    call.be_heard()
                case Answer():
                    call.accept()
                case Hangup():
                    call.end(command)
                case Transfer():
                    call.refer(command, self._calls.get(command.leg))
                case SetHold():
                    call.set_hold(command.on)
        except Exception as error:  # noqa: BLE001 (not only pj.Error: a text that SIP cannot hold)
            call.fail(type(command).__name__, error)

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
            self._admission.slots.give_back(call.call_id)
            if call.local is not None:
                self._ports.release(call.local, time.monotonic())
            self._refused.append((call, Refusal(500, "Internal Error")))
            self.fault("incoming", error, call.call_id)

    def _offer(self, call: PjCall, prm: Any, arrived_s: float) -> None:
        message = str(prm.rdata.wholeMsg)
        request = invite.read(message, str(prm.rdata.srcAddress))
        call.signalling_ip = request.source[0]
        names = self._names_in(prm.rdata)
        verdict = self.gate.invite(message, request.source[0], len(self._calls), names=names)
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
            self.emit(request.refused(verdict, self._admission.origin(request.source[0], names)))
            return
        call.origin = verdict
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
                parties=self._admission.policy(verdict).read(request.message),
                altered=request.altered,  # behind what reads
                traceparent=request.traceparent if verdict in self._admission.traced else "",
            )
        )

    def _refusal_of(self, method: str, message: str, received: Any) -> Refusal | None:
        """Called before pjsip spends anything, by our own build of pjsua2 alone."""
        source, names = str(received.srcAddress), self._names_in(received)
        calls_up, now, host = len(self._calls), time.monotonic(), address(source)[0]
        refusal = self.gate.judge(method, message, host, calls_up=calls_up, now=now, names=names)
        if refusal is not None and refusal.silent:
            self._dropped.add(refusal.because, host)
        elif refusal is not None and method == "INVITE":
            origin = self._admission.origin(host, names)
            self.emit(invite.read(message, source).refused(refusal, origin))
        elif refusal is not None and method == "REFER":
            self.emit(self.gate.refer_refused(message, refusal.status, source))
        return refusal

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
            self.fault("reserve", error)
            return NO_MEDIA_PORT

    def _names_in(self, received: Any) -> frozenset[str]:
        return frozenset() if self._library is None else self._library.names(received)

    def _account_for(self, received: Any) -> int:
        """The account of the PBX or trunk that it is from, or the one without credentials."""
        host = address(str(received.srcAddress))[0]
        origin = self._admission.origin(host, self._names_in(received))
        account = self._accounts.get(origin or "") or self._local
        return int(account.getId())

    def forget(self, call: PjCall) -> bool:
        """Forget a call that is over; its object is freed between two polls, never in its callback.

        False: it was forgotten already.
        """
        if self._calls.get(call.call_id) is not call:
            return False
        del self._calls[call.call_id]
        self._placer.forget(call.call_id)
        self._ended.append(call)
        return True

    def account(self, name: str) -> PjAccount | None:
        return self._accounts.get(name)

    def way(self, account: str) -> list[AccountSettings]:
        return self._accounts.way(account)

    def move_slot(self, call_id: str, trunk: str) -> str:
        full = self._admission.slots.move(call_id, trunk)
        return str(full) if full else ""

    def settle(self, account: PjAccount) -> None:
        self._accounts.settle(account)

    def meanwhile(self, account: PjAccount) -> str:
        return self._accounts.meanwhile(account)

    def leave_target(self, uri: str, rest_s: float) -> bool:
        return self._names.leave(server_of(uri)[0], rest_s)

    def with_call(self, call_id: str, action: Callable[[PjCall], None]) -> None:
        if call_id in self._calls:
            action(self._calls[call_id])

    def place_again(self, call: PjCall, source: str, challenge: str) -> bool:
        """See `Placer`."""
        return self._placer.place_again(call, source, challenge)

    def _probe(self, name: str) -> None:
        account = self._accounts.get(name)
        if account is None:
            raise LookupError("its account is being changed")
        account.probe()

    def probed(self, name: str, status: int, reason: str, *, answered: bool) -> None:
        """The end of an OPTIONS to a server of a trunk."""
        self._probes.outcome(name, status, reason, answered=answered)

    def belongs(self, name: str, source: str) -> bool:
        return self._admission.belongs(name, address(source)[0])

    def trust(self, name: str, source: str) -> None:
        """Let a registrar that answered send us calls from the address of its answer."""
        host = address(source)[0]
        network = network_of(host)
        if network is not None and self._admission.origin(host) in (None, "anyone"):
            self._admission.learn(name, network)
