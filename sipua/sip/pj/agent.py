"""The asyncio side of signalling: commands go down to the pjsua2 thread, events come up.

It also watches that thread: one that dies or hangs is told as `SignallingLost`, once and last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from sipua.rtp.events import Address
from sipua.rtp.ports import PortPool, family_of
from sipua.sip.addresses import Listener, facing, seen_by
from sipua.sip.dns.lookup import Lookup
from sipua.sip.dns.names import Found, Name, News, Outcome
from sipua.sip.dns.resolver import Resolver
from sipua.sip.door.admission import Admission
from sipua.sip.messages import (
    PeerResolved,
    PeerUnresolved,
    SignallingLost,
    SipCommand,
    SipEvent,
)
from sipua.sip.pj.endpoint import SipEndpoint
from sipua.sip.pj.heartbeat import LOOK_EVERY_S, SILENT_S, Heartbeat
from sipua.sip.pj.thread import SignallingThread
from sipua.sip.settings import SipSettings

FIRST_NAMES_S = 1.0
"""How long a start waits for the names of trunks: with DNS in order no call of theirs is refused,
without it the edge is up all the same."""


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
        self._resolver = Resolver(Lookup(settings.nameservers), admission.names, self._on_name)
        self._endpoint = SipEndpoint(
            settings, admission, ports, self._emit, self._after, resolve=self._resolve
        )
        self._thread = SignallingThread(self._endpoint)
        self._heartbeat = Heartbeat()
        self._watch: asyncio.TimerHandle | None = None
        self._lost = False

    async def start(self) -> tuple[Listener, ...]:
        """Bind and begin to register; returns what we listen on."""
        self._loop = asyncio.get_running_loop()
        await self._resolver.start(FIRST_NAMES_S)
        try:
            await asyncio.to_thread(self._thread.start)
        except BaseException:
            await self._resolver.close()
            raise
        self._listeners = self._endpoint.listeners
        self._look()
        return self._listeners

    def local_address(self, transport: str, peer_host: str) -> Address:
        """What the peer sees us as."""
        family = family_of(peer_host)
        for listener in self._listeners:
            host, port = listener.address
            if listener.transport == transport.lower() and family_of(host) == family:
                return seen_by(peer_host, host), port
        return facing(peer_host, family), 0

    def send(self, command: SipCommand) -> None:
        self._thread.submit(lambda: self._endpoint.command(command))

    async def stop(self, grace_s: float) -> None:
        """Hang up what is left, unregister, and take the library down."""
        if self._watch is not None:
            self._watch.cancel()
        try:
            if self._lost:
                return  # a thread that is gone takes no orders
            if not await asyncio.to_thread(self._thread.stop, grace_s):
                self._lose("the pjsua2 thread does not end")
            elif self._thread.failure is not None:
                self._lose(self._why_it_ended())
        finally:
            await self._resolver.close()

    def _emit(self, event: SipEvent) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: no one is left to tell
                self._loop.call_soon_threadsafe(self._on_event, event)

    async def addresses_of(self, host: str, *, services: bool) -> tuple[str, ...]:
        """What a name stands for, with its SRV records when `services`; empty: not known. Only
        between start and stop."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not answer.done():
                answer.set_result(outcome)

        name = Name(host.lower(), services)

        def found(outcome: Outcome) -> None:
            """On the resolver's thread."""
            loop.call_soon_threadsafe(settle, outcome)

        known = self._resolver.ask(name, found)
        outcome = known or await answer
        return outcome.every_address if isinstance(outcome, Found) else ()

    def _resolve(self, name: Name, later: Callable[[Outcome], None]) -> Outcome | None:
        """Of the pjsua2 thread; `later` is called on it, too."""
        return self._resolver.ask(name, lambda found: self._thread.submit(lambda: later(found)))

    def _on_name(self, news: News) -> None:
        """On the resolver's thread."""
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

    def _look(self) -> None:
        if not self._thread.alive:
            self._lose(self._why_it_ended())
        elif self._heartbeat.is_silent(self._thread.beats, time.monotonic()):
            self._lose(f"the pjsua2 thread hangs, for {SILENT_S:g} s and more")
        else:
            self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _why_it_ended(self) -> str:
        failure = self._thread.failure
        return f"the pjsua2 thread has ended: {type(failure).__name__}: {failure}"

    def _lose(self, cause: str) -> None:
        self._lost = True
        self._on_event(SignallingLost(cause))
