"""The edge: one process, its parts put together, its start and its end.

    signalling (pjsua2 thread) ──events──▶ Edge ──▶ Call ──▶ CallBridge ──▶ engine
                               ◀─commands─                     ▲ pacer, RTP ports

SIGTERM or Ctrl-C: unregister, refuse new calls with 503, let running ones finish within
`calls.drain_s`, then BYE; exit 0. A second one: at once.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import sys
import time
from collections.abc import Callable

import uvloop

from sipua import banner, doctor, logs, wiring
from sipua.bridge.agent.process import AgentError, AgentProcess
from sipua.bridge.call import CallBridge
from sipua.bridge.conversation import ConversationEvent
from sipua.bridge.dialogue import Dialogue
from sipua.bridge.engine_session import EngineSession
from sipua.bridge.engines import create as create_engine
from sipua.bridge.engines.base import Event
from sipua.bridge.pacer import Pacer
from sipua.call import Call, CallPolicy
from sipua.call_capture import CallCapture
from sipua.capture_sip import SipToCaptures
from sipua.config import Config
from sipua.exits import Exit
from sipua.portowner import port_owner
from sipua.rtp.ports import PortPool
from sipua.sip.addresses import ANY_ADDRESS, seen_by
from sipua.sip.agent import SipAgent
from sipua.sip.errors import CannotListenError, PortTakenError
from sipua.sip.messages import (
    Address,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRefused,
    IncomingCall,
    Leave,
    LibraryMessage,
    MediaReady,
    Registered,
    RegistrationFailed,
    SignallingFault,
    SipEvent,
    SipMessage,
    TransferRefused,
    Unregistered,
)
from sipua.throttle import Throttle

SIGNALLING_GRACE_S = 3.0
"""How long the answers to our last BYE and un-REGISTER are waited for."""


def run(config: Config, *, show_banner: bool = True) -> int:
    """Serve until told to stop; the process's exit code."""
    # The signalling thread wants the interpreter for microseconds at a time; the default of
    # 5 ms would delay each step of a call set-up by as much while the media loop is busy.
    sys.setswitchinterval(0.001)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
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
        self._bound: dict[str, Address] = {}
        self._captures = wiring.captures(config)
        self._sip_captures = SipToCaptures(self._local_sip)
        self._calls: dict[str, Call] = {}
        self._refusals = Throttle()
        self._tasks: set[asyncio.Task[None]] = set()
        self._signals = 0
        self._stop = asyncio.Event()
        self._emptied = asyncio.Event()
        self._engine_url: Callable[[], str] = lambda: config.engine.url or wiring.DEFAULT_ENGINE_URL

    async def run(self) -> int:
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer()
        agent: AgentProcess | None = None
        if self._config.engine.type == "local" and not self._config.engine.url:
            agent = AgentProcess(wiring.agent_settings(self._config))
            try:
                await agent.start()
            except AgentError as error:
                self._log.error(
                    "engine.failed", error=str(error), fix="start `sipua agent` by hand to see why"
                )
                return Exit.ENGINE
            self._engine_url = functools.partial(getattr, agent, "url")
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        try:
            return await self._serve()
        finally:
            self._pacer.close()
            if agent is not None:
                await agent.stop()

    async def _serve(self) -> int:
        try:
            bound = self._bound = await self._sip.start()
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
            engine_host=wiring.engine_host(self._engine_url()),
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
            case MediaReady():
                if call := self._calls.get(event.call_id):
                    call.on_media(event.media)
            case CallConfirmed():
                if call := self._calls.get(event.call_id):
                    call.on_confirmed()
            case CallEnded():
                if call := self._calls.get(event.call_id):
                    call.on_ended(event)
            case _:
                self._tell(event)

    def _begin(self, event: IncomingCall) -> None:
        log = logs.bind_call(event.call_id)
        log.info(
            "call.incoming",
            sip_call_id=event.sip_call_id,
            **{"from": event.from_uri},
            to=event.to_uri,
            source=f"{event.source[0]}:{event.source[1]}",
            origin=event.origin,
            rtp_port=event.local.port,
        )
        config = self._config
        bridge = CallBridge(
            local=event.local,
            pacer=self._pacer,
            settings=wiring.media_settings(config),
            make_conversation=functools.partial(self._make_conversation, event.call_id),
        )
        policy = CallPolicy(
            answer_at_once=config.calls.answer == "at_once",
            ring_timeout_s=config.calls.ring_timeout_s,
            max_duration_s=config.calls.max_duration_s,
            connect_timeout_s=config.engine.connect_timeout_s,
            failure_status=config.engine.failure_status,
            greeting=config.engine.greeting,
            mask_dtmf=config.calls.mask_dtmf,
        )
        capture = self._capture(event)
        call = Call(
            event.call_id,
            bridge,
            policy,
            self._sip.send,
            log,
            refusals=self._refusals,
            capture=capture,
        )
        self._calls[event.call_id] = call
        task = self._loop.create_task(self._run_call(call, event), name=f"call {event.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _make_conversation(
        self, call_id: str, on_event: Callable[[ConversationEvent], None]
    ) -> Dialogue:
        def make_session(on_engine: Callable[[Event], None]) -> EngineSession:
            settings = wiring.engine_settings(self._config, self._engine_url())
            engine = create_engine(self._config.engine.type, settings)
            return EngineSession(
                engine.protocol, engine.url, engine.headers, on_event=on_engine, call_id=call_id
            )

        return Dialogue(make_session, on_event=on_event, engine=self._config.engine.type)

    def _capture(self, event: IncomingCall) -> CallCapture | None:
        if self._captures is None:
            return None
        host = self._config.rtp.host or self._config.sip.host
        local = seen_by(event.source[0], host), event.local.port
        capture = self._captures.begin(event.call_id, local, event.from_uri, event.to_uri)
        if capture is not None:
            self._sip_captures.attach(event.sip_call_id, capture)
        return capture

    def _local_sip(self, transport: str, peer_host: str) -> Address:
        """What the peer sees us as."""
        host, port = self._bound.get(transport.lower(), (ANY_ADDRESS, 0))
        return seen_by(peer_host, host), port

    async def _run_call(self, call: Call, event: IncomingCall) -> None:
        try:
            await call.run()
        finally:
            self._ports.release(event.local, time.monotonic())
            self._sip_captures.detach(event.sip_call_id)
            del self._calls[call.call_id]
            if not self._calls:
                self._emptied.set()

    def _tell(self, event: SipEvent) -> None:
        log = self._log
        match event:
            case Registered():
                log.info(
                    "registration.ok",
                    account=event.account,
                    registrar=event.registrar,
                    expires_s=event.expires_s,
                )
            case RegistrationFailed():
                log.error(
                    "registration.failed",
                    account=event.account,
                    registrar=event.registrar,
                    status=event.status,
                    reason=event.reason,
                    retry_in_s=event.retry_in_s and round(event.retry_in_s, 1),
                    fix=event.fix,
                )
            case Unregistered():
                log.info("registration.removed", account=event.account, registrar=event.registrar)
            case CallRefused():
                log.warning(
                    "call.rejected",
                    status=event.status,
                    reason=event.reason,
                    sip_call_id=event.sip_call_id,
                    **{"from": event.from_uri},
                    to=event.to_uri,
                    source=f"{event.source[0]}:{event.source[1]}",
                )
            case TransferRefused():
                log.warning(
                    "call.transfer_refused",
                    call_id=event.call_id,
                    target=event.target,
                    status=event.status,
                )
            case SipMessage():
                if self._captures is not None:
                    self._sip_captures.take(event, time.monotonic())
                if self._config.log.sip:
                    log.debug(
                        "sip.message", direction=event.direction, peer=event.peer, text=event.text
                    )
            case LibraryMessage():
                log.warning("sip.library", text=event.text)
            case SignallingFault():
                extra = {"call_id": event.call_id} if event.call_id else {}
                log.error("sip.fault", where=event.where, error=event.error, **extra)
            case CallProgress():
                log.info("call.progress", call_id=event.call_id, status=event.status)
