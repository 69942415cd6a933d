"""The asyncio side of signalling: commands go down to the pjsua2 thread, events come up.

It also watches that thread: one that dies or hangs is told as `SignallingLost`, once and last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from sipua.rtp.ports import PortPool
from sipua.sip.addresses import ANY_ADDRESS, seen_by
from sipua.sip.admission import Admission
from sipua.sip.endpoint import SipEndpoint
from sipua.sip.heartbeat import LOOK_EVERY_S, SILENT_S, Heartbeat
from sipua.sip.messages import Address, SignallingLost, SipCommand, SipEvent
from sipua.sip.settings import SipSettings
from sipua.sip.thread import SignallingThread


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bound: dict[str, Address] = {}
        self._endpoint = SipEndpoint(settings, admission, ports, self._emit, self._after)
        self._thread = SignallingThread(self._endpoint)
        self._heartbeat = Heartbeat()
        self._watch: asyncio.TimerHandle | None = None
        self._lost = False

    async def start(self) -> dict[str, Address]:
        """Bind and begin to register; returns what each transport listens on."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._thread.start)
        self._bound = dict(self._endpoint.bound)
        self._look()
        return self._bound

    def local_address(self, transport: str, peer_host: str) -> Address:
        """What the peer sees us as."""
        host, port = self._bound.get(transport.lower(), (ANY_ADDRESS, 0))
        return seen_by(peer_host, host), port

    def send(self, command: SipCommand) -> None:
        self._thread.submit(lambda: self._endpoint.command(command))

    async def stop(self, grace_s: float) -> None:
        """Hang up what is left, unregister, and take the library down."""
        if self._watch is not None:
            self._watch.cancel()
        if self._lost:
            return  # who is gone takes no orders
        if not await asyncio.to_thread(self._thread.stop, grace_s):
            self._lose("the pjsua2 thread does not end")
        elif self._thread.failure is not None:
            self._lose(self._why_it_ended())

    def _emit(self, event: SipEvent) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: no one is left to tell
                self._loop.call_soon_threadsafe(self._on_event, event)

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
