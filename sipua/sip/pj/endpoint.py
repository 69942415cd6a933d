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
from collections.abc import Callable, Mapping
from typing import Any

import pjsua2 as pj

from sipua.rtp.hostport import is_address, join
from sipua.rtp.ports import PortPool, family_of
from sipua.sip.admission.admission import (
    Admission,
    network_of,
)
from sipua.sip.admission.gate import Gate
from sipua.sip.dns.names import Name, Outcome
from sipua.sip.errors import CannotListenError, reason_of
from sipua.sip.messages import (
    Answer,
    BeHeard,
    CallCommand,
    CallEnded,
    Hangup,
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
from sipua.sip.nat.told_address import (
    SetFoundAddress,
    SetTowards,
    ToldAddress,
    contact,
    listener_for,
)
from sipua.sip.pj.account import PjAccount
from sipua.sip.pj.accounts import LOCAL_ACCOUNT, Accounts
from sipua.sip.pj.call import PjCall
from sipua.sip.pj.dialogs.arrivals import Arrivals
from sipua.sip.pj.dialogs.referrals import Referrals
from sipua.sip.pj.dialogs.sources import SourceCheck
from sipua.sip.pj.library import Library
from sipua.sip.pj.native.connections import PeerConnections
from sipua.sip.pj.native.held import COUNT_EVERY_S, held
from sipua.sip.pj.native.resolver import LayoutError, PjResolver
from sipua.sip.pj.params import has_ipv6
from sipua.sip.pj.placer import Placer
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.sip.state import CallState
from sipua.sip.trunks.probes import Probes
from sipua.sip.trunks.servers import TrunkServers
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import Listener, address, is_any, of_family, server_of
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
        self.held: Mapping[str, int] = {}
        self._admission = admission
        self._ports = ports
        self._names = PjResolver(resolve, self.fault)
        several = any(is_any(host) for host in settings.hosts)
        varies = several or bool(settings.stun_servers or settings.public_addresses)
        self.told = ToldAddress(settings.towards, varies=varies)
        self.gate = Gate(admission, ports, codecs=settings.codecs)
        self._library: Library | None = None
        self._accounts = Accounts(lambda account: PjAccount(self, account), self.fault)
        self._calls: dict[str, PjCall] = {}
        self._servers = TrunkServers(random.Random())  # noqa: S311 (a draw among servers)
        self._servers.use(settings.accounts)
        self._placer = Placer(self, self._calls, self._servers, self._names, resolve)
        self.sources = SourceCheck(self, admission)
        self.referrals = Referrals(self, self._calls, admission, self._placer)
        self._probes = Probes(
            self._servers, send=self._probe, after=after, tell=emit, now=time.monotonic
        )
        self._arrivals: Arrivals[PjCall] = Arrivals(
            self.gate,
            admission,
            ports,
            self._calls,
            self,
            rings=_rings,
            asked=hasattr(pj, "OnNewRequestParam"),
        )
        self._ended: list[PjCall] = []

    def _emit(self, event: SipEvent) -> None:
        if isinstance(event, CallEnded):  # the one end of each call, whatever its way was
            self._admission.slots.give_back(event.call_id)
        if not self.referrals.takes(event):
            self.pass_on(event)

    # --- life (called by the thread) ------------------------------------------------------

    def open(self) -> None:
        settings = self.settings
        hosts = (*settings.hosts, *settings.media_hosts, *settings.media_public)
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
            self._arrivals.judge,
            connections=PeerConnections(self._admission, self.emit, self.after),
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
        self._count()

    def poll(self, timeout_ms: int) -> None:
        if self._library is not None:
            self._library.poll(timeout_ms)
        self._ended += self._arrivals.answer()
        self._ended.clear()
        self._accounts.tidy(self._calls.values())

    def _count(self) -> None:
        self.held = held()
        self.after(COUNT_EVERY_S, self._count)

    def can_wake(self) -> bool:
        return self._library is not None and self._library.can_wake()

    def wake(self) -> None:
        if self._library is not None:
            self._library.wake()

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
        elif isinstance(command, SetFoundAddress | SetTowards):
            self._tell_another(command)
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

    def _tell_another(self, command: SetFoundAddress | SetTowards) -> None:
        """Registrars are told our address anew, where it is another one; the peers of new calls are
        in any case.
        """
        if isinstance(command, SetFoundAddress):
            self.told.found = command.address
        else:
            self.told.towards = command.towards
        for account in self._accounts:
            account.look_at_contact()

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
        call = PjCall(
            self,
            account,
            call_id=new_call_id(),
            local=None,
            signalling_ip="",
            state=CallState.OFFERED,
            pj_id=prm.callId,
        )
        self._arrivals.take(call, prm)

    def names_in(self, received: Any) -> frozenset[str]:
        return frozenset() if self._library is None else self._library.names(received)

    def _account_for(self, received: Any) -> int:
        """The account of the PBX or trunk that it is from, or the one without credentials."""
        host = address(str(received.srcAddress))[0]
        origin = self._admission.origin(host, self.names_in(received))
        account = self._accounts.get(origin or "") or self._local
        if self.told.by_peer or account.contact:
            account = self.facing(account, host, texts.transport(str(received.wholeMsg)))
        return int(account.getId())

    def facing(self, account: PjAccount, peer: str, transport: str) -> PjAccount:
        """The account for a dialog with this peer: it has the Contact that the peer is told. Where
        it registers, its registrar has one already.
        """
        if account.settings.registrar:
            return account
        return self._accounts.facing(account, self.contact(account.settings, peer, transport))

    def contact(self, account: AccountSettings, peer: str, transport: str) -> str:
        """Empty: pjsip makes it, of its transports' addresses."""
        if not self.told.by_peer:
            return ""
        if not (self.told.towards or self.told.found) and (account.registrar or transport == "tls"):
            return ""  # a registrar tells pjsip how it sees us, and TLS has keys: `account_config`
        family = family_of(peer if is_address(peer) else self.settings.hosts[0])
        listener = listener_for(self.listeners, transport, family)
        if listener is None:  # by this transport we only connect to others
            return ""
        host, port = listener.address
        told = self.told.to(peer, host, self.settings.public_addresses)
        return contact(account.id_uri, told, port, transport)

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
        if network is not None and not self._admission.is_peer(host):
            self._admission.learn(name, network)


def _rings(call: PjCall) -> bool:
    return not call.account.settings.early_media
