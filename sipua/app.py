"""The edge: one process, its parts put together, its start and its end.

    signalling (pjsua2 thread) ──events──▶ Edge ──▶ Call ──▶ CallBridge ──▶ engine
                               ◀─commands─                     ▲ pacer, RTP ports

SIGTERM or Ctrl-C: unregister, refuse new calls with 503, let running ones finish within
`calls.drain_s`, then BYE; exit 0. A second one: at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from datetime import UTC, datetime

from sipua import banner, doctor, last_net, logs, routes, sip_log, wiring
from sipua.call import Call, CallSignal
from sipua.call_capture import CallCapture
from sipua.call_parts import PartsError, open_parts
from sipua.capture_sip import SipToCaptures
from sipua.config import Config
from sipua.exits import Exit
from sipua.facts import CallFacts
from sipua.opening import Answering
from sipua.portowner import port_owner
from sipua.rtp.ports import PortPool
from sipua.sip.addresses import seen_by
from sipua.sip.agent import SipAgent
from sipua.sip.errors import CannotListenError, PortTakenError
from sipua.sip.messages import (
    IncomingCall,
    Leave,
    SipEvent,
    SipMessage,
)

SIGNALLING_GRACE_S = 3.0
"""How long the answers to our last BYE and un-REGISTER are waited for."""


def run(config: Config, *, show_banner: bool = True) -> int:
    """Serve until told to stop; the process's exit code."""
    # The signalling thread wants the interpreter for microseconds at a time; the default of
    # 5 ms would delay each step of a call set-up by as much while the media loop is busy.
    sys.setswitchinterval(0.001)
    with asyncio.Runner(loop_factory=last_net.new_event_loop) as runner:
        return runner.run(Edge(config, show_banner=show_banner).run())


class Edge:
    def __init__(self, config: Config, *, show_banner: bool) -> None:
        self._config = config
        self._show_banner = show_banner
        self._build = doctor.build_info()
        self._max_calls = min(config.sip.max_calls or self._build.max_calls, self._build.max_calls)
        self._log = logs.get()
        self._admission = wiring.admission(config, self._max_calls)
        self._ports = PortPool(
            config.rtp.host or config.sip.host,
            config.rtp.port_min,
            config.rtp.port_max,
            rest_s=config.rtp.port_rest_s,
        )
        self._sip = SipAgent(
            wiring.sip_settings(config, self._build.max_calls),
            self._admission,
            self._ports,
            self._on_sip,
        )
        self._captures = wiring.captures(config)
        self._sip_captures = SipToCaptures(self._sip.local_address)
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._signals = 0
        self._stop = asyncio.Event()
        self._emptied = asyncio.Event()

    async def run(self) -> int:
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        try:
            async with open_parts(self._config, self._sip.send) as self._parts:
                return await self._serve()
        except PartsError as error:
            self._log.error(error.event, error=str(error), fix=error.fix)
            return error.code

    async def _serve(self) -> int:
        try:
            bound = await self._sip.start()
        except PortTakenError as error:
            owner = port_owner(error.transport, error.port)
            self._log.error(
                "edge.port_taken",
                transport=error.transport,
                port=error.port,
                by=owner or "another user's process",
                fix=f"SIP_PORT={error.port + 10} make run, or sipua serve with "
                f"SIPUA_SIP__PORT={error.port + 10}, or stop it",
            )
            return Exit.NETWORK
        except CannotListenError as error:
            self._log.error("edge.cannot_listen", error=str(error), fix="`sip.host`: ip -4 addr")
            return Exit.NETWORK
        host, port = next(iter(bound.values()))
        self._log.info(
            "edge.listening",
            sip=f"{host}:{port}",
            transports=list(bound),
            rtp_ports=f"{self._config.rtp.port_min}-{self._config.rtp.port_max}",
            engine=self._config.engine.type,
            engine_host=wiring.engine_host(
                self._config.engine, self._parts.engines.url(self._config.engine)
            ),
            max_calls=self._max_calls,
            pjsua2=self._build.version,
            production=self._build.production,
        )
        for finding in doctor.check_running(self._build, self._max_calls):
            self._log.warning(
                "edge.warning", about=finding.name, value=finding.value, fix=finding.advice
            )
        if self._show_banner:
            banner.show(self._config, self._build, self._max_calls, (host, port), list(bound))
        # A full collection walks every object of every import, 20 ms and more in which no packet
        # leaves. What exists now stays for good: out of the collector's sight.
        gc.collect()
        gc.freeze()
        await self._stop.wait()
        await self._drain()
        self._log.info("edge.stopped")
        return Exit.OK

    # --- the end --------------------------------------------------------------------------

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals > 1:
            # The second one means now: no BYE, no goodbye to the registrar, nothing flushed.
            os._exit(Exit.OK)
        self._stop.set()

    async def _drain(self) -> None:
        self._admission.draining = True
        self._sip.send(Leave())
        drain_s = self._config.calls.drain_s
        self._log.info("edge.draining", calls=len(self._calls), drain_s=drain_s)
        if self._calls:
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), drain_s)
            except TimeoutError:
                for call in list(self._calls.values()):
                    call.hang_up("the edge is shutting down", 503)
        await self._sip.stop(SIGNALLING_GRACE_S)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SIGNALLING_GRACE_S)

    # --- signalling -----------------------------------------------------------------------

    def _on_sip(self, event: SipEvent) -> None:
        match event:
            case IncomingCall():
                self._begin(event)
            case SipMessage():
                if self._captures is not None:
                    self._sip_captures.take(event, time.monotonic())
                if self._config.log.sip:
                    sip_log.tell(self._log, event)
            case _ if isinstance(event, CallSignal):
                if call := self._calls.get(event.call_id):
                    call.on_sip(event)
            case _:
                sip_log.tell(self._log, event)

    def _begin(self, event: IncomingCall) -> None:
        asked = routes.Asked((event.request_uri, event.to_uri), event.from_uri, event.origin)
        profile = routes.resolve(self._config, asked)
        logs.bind_call(event.call_id).info(
            "call.incoming",
            sip_call_id=event.sip_call_id,
            **{"from": event.from_uri},
            to=event.to_uri,
            source=f"{event.source[0]}:{event.source[1]}",
            origin=event.origin,
            route=profile.route,
            rtp_port=event.local.port,
        )
        facts = CallFacts(
            call_id=event.call_id,
            direction="incoming",
            from_uri=event.from_uri,
            to_uri=event.to_uri,
            origin=event.origin,
            route=profile.route,
            started_at=datetime.now(UTC),
            sip_call_id=event.sip_call_id,
            peer=wiring.peer_of(self._config, event.origin, event.source),
        )
        call = self._parts.make(facts, event.local, profile, self._capture(event))
        self._calls[event.call_id] = call
        task = self._loop.create_task(self._run_call(call, event), name=f"call {event.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _capture(self, event: IncomingCall) -> CallCapture | None:
        if self._captures is None:
            return None
        host = self._config.rtp.host or self._config.sip.host
        local = seen_by(event.source[0], host), event.local.port
        capture = self._captures.begin(event.call_id, local, event.from_uri, event.to_uri)
        if capture is not None:
            self._sip_captures.attach(event.sip_call_id, capture)
        return capture

    async def _run_call(self, call: Call, event: IncomingCall) -> None:
        try:
            await call.run(Answering())
        finally:
            self._ports.release(event.local, time.monotonic())
            self._sip_captures.detach(event.sip_call_id)
            del self._calls[call.call_id]
            if not self._calls:
                self._emptied.set()
