"""The asyncio side of signalling: commands go down to the pjsua2 thread, events come up.

It also watches that thread: one that dies or hangs is reported by `SignallingLost`, once, as the
last event.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sipua.rtp.events import Address
from sipua.rtp.hostport import join
from sipua.rtp.ports import PortPool, family_of
from sipua.sip.admission.admission import Admission
from sipua.sip.dns.names import Found, Name, News, Outcome
from sipua.sip.dns.resolver import Resolver
from sipua.sip.messages import SignallingLost, SipCommand, SipEvent
from sipua.sip.nat.search import Failed, Learned
from sipua.sip.nat.stun_client import StunClient
from sipua.sip.nat.told_address import SetFoundAddress
from sipua.sip.peer_news import PeerResolved, PeerUnresolved, PublicAddress, PublicAddressUnknown
from sipua.sip.pj.endpoint import SipEndpoint
from sipua.sip.pj.heartbeat import CHECK_EVERY_S, SILENT_S, Heartbeat
from sipua.sip.pj.thread import SignallingThread
from sipua.sip.settings import SipSettings
from sipua.sip.wire.addresses import Listener, facing, of_family, seen_by

FIRST_ADDRESS_S = 2.0
"""The longest wait of a start for STUN: what begins earlier names an address of no use."""
FIRST_NAMES_S = 1.0
"""The longest wait of a start for the names of trunks: with a working DNS none of their calls is
refused, without it the edge still starts.
"""


class SipAgent:
    """One per process: pjsua2 is a singleton."""

    def __init__(
        self,
        settings: SipSettings,
        admission: Admission,
        ports: PortPool,
        on_event: Callable[[SipEvent], None],
    ) -> None:
        self._on_event = on_event
        self._admission = admission
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._resolver = Resolver(_lookup(settings.nameservers), admission.names, self._on_name)
        self._endpoint = SipEndpoint(
            settings, admission, ports, self._emit, self._after, resolve=self._resolve
        )
        self._stun: StunClient | None = None
        if settings.stun_servers:
            bound = of_family(settings.hosts, socket.AF_INET) or settings.hosts[0]
            self._stun = StunClient(
                settings.stun_servers,
                bound,
                self._stun_server,
                self._on_public_address,
                refresh_s=settings.stun_refresh_s,
            )
        self._thread = SignallingThread(self._endpoint, after_each=self._tell)
        self._to_tell: list[SipEvent] = []
        self._heartbeat = Heartbeat()
        self._check_timer: asyncio.TimerHandle | None = None
        self._lost = False

    async def start(self) -> tuple[Listener, ...]:
        """Bind and begin to register; returns the addresses that we listen on."""
        self._loop = asyncio.get_running_loop()
        await self._resolver.start(FIRST_NAMES_S)
        try:
            if self._stun is not None:
                await self._stun.start(FIRST_ADDRESS_S)
                # The thread does not run yet: as a command it would come behind the first REGISTER.
                self._endpoint.told.found = self._stun.address
            await asyncio.to_thread(self._thread.start)
        except BaseException:
            await self._close_searches()
            raise
        self._listeners = self._endpoint.listeners
        self._check_thread()
        return self._listeners

    def local_address(self, transport: str, peer_host: str) -> Address:
        """Our address as the peer sees it."""
        family = family_of(peer_host)
        for listener in self._listeners:
            host, port = listener.address
            if listener.transport == transport.lower() and family_of(host) == family:
                return seen_by(peer_host, host), port
        return facing(peer_host, family), 0

    def held(self) -> Mapping[str, int]:
        """Transactions and dialogs of pjsip, a second ago at most; empty: this build tells none."""
        return self._endpoint.held

    def send(self, command: SipCommand) -> None:
        self._thread.submit(lambda: self._endpoint.command(command))

    def names_changed(self) -> None:
        """Admission has other peers: their names are looked up from now on."""
        self._resolver.keep_only(self._admission.names)

    async def stop(self, grace_s: float) -> None:
        """Hang up what is left, unregister, and take the library down."""
        if self._check_timer is not None:
            self._check_timer.cancel()
        try:
            if self._lost:
                return  # a thread that has ended takes no commands
            if not await asyncio.to_thread(self._thread.stop, grace_s):
                self._report_lost("the pjsua2 thread does not end")
            elif self._thread.failure is not None:
                self._report_lost(self._why_it_ended())
        finally:
            await self._close_searches()

    async def _close_searches(self) -> None:
        if self._stun is not None:
            await self._stun.close()
        await self._resolver.close()

    async def _stun_server(self, host: str) -> tuple[str, ...]:
        return await self.addresses_of(host, services=False)

    def _on_public_address(self, news: Learned | Failed) -> None:
        assert self._stun is not None
        if isinstance(news, Learned):
            self.send(SetFoundAddress(news.address))
            told = PublicAddress(news.address, news.before, join(*self._stun.servers[news.server]))
            self._pass_on(told)
        else:
            servers = tuple(join(*server) for server in self._stun.servers)
            self._pass_on(PublicAddressUnknown(self._stun.address, news.cause, servers))

    def _emit(self, event: SipEvent) -> None:
        """Pass an event on. The pjsua2 thread does so when it is through with what it does: earlier
        the loop would begin to work, and take the interpreter from it at each of its next steps.
        """
        if self._thread.is_current():
            self._to_tell.append(event)
        else:
            self._pass_on(event)

    def _tell(self) -> None:
        events, self._to_tell = self._to_tell, []
        for event in events:
            self._pass_on(event)

    def _pass_on(self, event: SipEvent) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the event has no reader
                self._loop.call_soon_threadsafe(self._on_event, event)

    async def addresses_of(self, host: str, *, services: bool) -> tuple[str, ...]:
        """The addresses of a name, with its SRV records when `services`; empty: not known. Only
        between start and stop.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not answer.done():
                answer.set_result(outcome)

        name = Name(host.lower(), services)

        def found(outcome: Outcome) -> None:
            """Called on the resolver's thread."""
            loop.call_soon_threadsafe(settle, outcome)

        known = self._resolver.ask(name, found)
        outcome = known or await answer
        return outcome.every_address if isinstance(outcome, Found) else ()

    def _resolve(self, name: Name, later: Callable[[Outcome], None]) -> Outcome | None:
        """Called on the pjsua2 thread, and so is `later`."""
        return self._resolver.ask(name, lambda found: self._thread.submit(lambda: later(found)))

    def _on_name(self, news: News) -> None:
        """Called on the resolver's thread."""
        host, addresses, next_in_s = news.name, news.addresses, news.next_in_s
        self._admission.resolved(host, addresses)
        for peer in self._admission.owners(host):
            self._emit(
                PeerUnresolved(peer, host.host, news.cause, addresses, next_in_s)
                if news.cause
                else PeerResolved(peer, host.host, addresses, next_in_s)
            )

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._thread.after(delay_s, action)

    # --- the watch ------------------------------------------------------------------------

    def _check_thread(self) -> None:
        if not self._thread.alive:
            self._report_lost(self._why_it_ended())
        elif self._heartbeat.is_silent(self._thread.beats, time.monotonic()):
            self._report_lost(f"the pjsua2 thread hangs, for {SILENT_S:g} s and more")
        else:
            self._check_timer = asyncio.get_running_loop().call_later(
                CHECK_EVERY_S, self._check_thread
            )

    def _why_it_ended(self) -> str:
        failure = self._thread.failure
        return f"the pjsua2 thread has ended: {type(failure).__name__}: {failure}"

    def _report_lost(self, cause: str) -> None:
        self._lost = True
        self._on_event(SignallingLost(cause))


def _lookup(nameservers: Sequence[str]) -> Callable[[Name], Awaitable[Outcome]]:
    """An edge without host names needs no DNS: its library is imported on the resolver's thread, by
    the first name.
    """

    async def look_up(name: Name) -> Outcome:
        from sipua.sip.dns.lookup import Lookup  # noqa: PLC0415 - see above

        return await Lookup(nameservers)(name)

    return look_up
