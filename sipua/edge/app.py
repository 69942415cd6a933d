"""The edge: one process, its parts put together, its start and its end.

    signalling (pjsua2 thread) ──events──▶ Edge ──▶ Call ──▶ CallBridge ──▶ engine
                               ◀─commands─                     ▲ pacer, RTP ports

SIGTERM or Ctrl-C: unregister, refuse new calls with 503, let running ones finish within
`calls.drain_s`, then BYE; exit 0. A second signal: at once, and not 0. Lost signalling ends the
process within seconds: its supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from sipua.calls import routes
from sipua.calls.call import Call, CallSignal
from sipua.calls.facts import CallFacts
from sipua.calls.opening import Answering
from sipua.calls.signalling_log import SignallingLog
from sipua.capture.call_capture import CallCapture
from sipua.capture.sip_messages import SipToCaptures
from sipua.config import Config
from sipua.doctor import doctor
from sipua.edge import banner
from sipua.edge.call_parts import PartsError, open_parts
from sipua.edge.engine_health import EngineHealth
from sipua.edge.wiring import wiring
from sipua.log import logs
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.process.main_loop import SIGNALLING_GRACE_S
from sipua.process.port_owner import port_owner
from sipua.record import transcript_redaction
from sipua.rtp.hostport import join
from sipua.rtp.ports import PortPool, ReservedPort
from sipua.sip.errors import CannotListenError, PortTakenError, SignallingHangsError
from sipua.sip.messages import (
    CallEnded,
    EndedBy,
    Hangup,
    IncomingCall,
    Leave,
    SignallingLost,
    SipEvent,
    SipMessage,
)
from sipua.sip.pj.agent import SipAgent


def run(config: Config, *, show_banner: bool = True) -> int:
    """Serve until a signal; returns the process's exit code."""
    # The signalling thread needs the interpreter for microseconds at a time; the default of
    # 5 ms would delay each step of a call set-up by as much while the media loop is busy.
    sys.setswitchinterval(0.001)
    return main_loop.run(Edge(config, show_banner=show_banner).run())


class Edge:
    def __init__(self, config: Config, *, show_banner: bool) -> None:
        self._config = config
        self._show_banner = show_banner
        self._build = doctor.build_info()
        self._max_calls = min(config.sip.max_calls or self._build.max_calls, self._build.max_calls)
        self._log = logs.get()
        self._sip_log = SignallingLog(self._log, config.record.numbers)
        self._admission = wiring.admission(config, self._max_calls)
        self._health = EngineHealth(routes.engine_names(config))
        self._admission.engine_missing_s = self._health.missing_s
        self._ports = PortPool(
            wiring.rtp_hosts(config),
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
        self._stop = asyncio.Event()
        self._lost = False
        self._emptied = asyncio.Event()

    async def run(self) -> Exit:
        self._loop = asyncio.get_running_loop()
        main_loop.on_interrupt(self._stop.set)
        try:
            async with open_parts(self._config, self._sip.send, self._health) as self._parts:
                return await self._serve()
        except PartsError as error:
            self._log.error(error.event, error=str(error), fix=error.fix)
            return error.code

    async def _serve(self) -> Exit:
        try:
            listeners = await self._sip.start()
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
            self._log.error("edge.cannot_listen", error=str(error), fix="`sip.host`: ip addr")
            return Exit.NETWORK
        except SignallingHangsError as error:
            self._on_lost(SignallingLost(str(error)))
            return Exit.SIGNALLING
        addresses = list(dict.fromkeys(listener.address for listener in listeners))
        transports = list(self._config.sip.transports)
        self._log.info(
            "edge.listening",
            sip=", ".join(join(*address) for address in addresses),
            transports=transports,
            rtp_hosts=list(wiring.rtp_hosts(self._config)),
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
            banner.show(self._config, self._build, self._max_calls, addresses, transports)
        # A full collection visits every object of every import, 20 ms and more in which no packet
        # leaves. All present objects stay for good: the collector need not visit them.
        gc.collect()
        gc.freeze()
        await self._stop.wait()
        await self._drain()
        self._sip_log.close()
        self._log.info("edge.stopped")
        return Exit.SIGNALLING if self._lost else Exit.OK

    # --- the end --------------------------------------------------------------------------

    def _on_lost(self, event: SignallingLost) -> None:
        self._log.error(
            "edge.signalling_lost",
            error=event.cause,
            calls=len(self._calls),
            exit_code=Exit.SIGNALLING.value,
            fix="the process ends now: let a supervisor start it again (systemd: Restart=always); "
            "please report the lines before this one",
        )
        self._lost = True
        main_loop.leave_soon()
        for call in list(self._calls.values()):
            call.on_sip(CallEnded(call.call_id, EndedBy.US, 0, "signalling is lost"))
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
            case SignallingLost():
                self._on_lost(event)
            case SipMessage():
                if self._captures is not None:
                    self._sip_captures.take(event, time.monotonic())
                if self._config.log.sip:
                    self._sip_log.log_event(event, time.monotonic())
            case _ if isinstance(event, CallSignal):
                if call := self._calls.get(event.call_id):
                    call.on_sip(event)
            case _:
                self._sip_log.log_event(event, time.monotonic())

    def _begin(self, event: IncomingCall) -> None:
        """Begin a call. On any failure the caller gets 500, and all that it holds is released."""
        with ExitStack() as held:
            held.callback(self._forget, event.call_id)
            held.callback(self._sip_captures.detach, event.sip_call_id)
            held.callback(self._release, event.local)
            try:
                call = self._make(event, held)
            except Exception as error:  # noqa: BLE001 (any failure is a refusal)
                self._failed(event.call_id, error)
                return
            self._calls[call.call_id] = call
            work = self._run_call(call, held.pop_all())
        task = self._loop.create_task(work, name=f"call {event.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_call(self, call: Call, held: ExitStack) -> None:
        with held:
            try:
                await call.run(Answering())
            except Exception as error:  # noqa: BLE001 (as above)
                self._failed(call.call_id, error)

    def _failed(self, call_id: str, error: Exception) -> None:
        self._sip.send(Hangup(call_id, 500))
        words = f"{type(error).__name__}: {error}"
        logs.bind_call(call_id).error("call.failed", error=words, exc_info=error)

    def _release(self, local: ReservedPort) -> None:
        self._ports.release(local, time.monotonic())

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)
        if not self._calls:
            self._emptied.set()

    def _make(self, event: IncomingCall, held: ExitStack) -> Call:
        asked = routes.Asked((event.request_uri, event.to_uri), event.from_uri, event.origin)
        profile = routes.resolve(self._config, asked)
        logs.bind_call(event.call_id).info(
            "call.incoming",
            sip_call_id=event.sip_call_id,
            **{"from": transcript_redaction.number(event.from_uri, self._config.record.numbers)},
            to=event.to_uri,
            source=join(*event.source),
            origin=event.origin,
            route=profile.route,
            rtp_port=event.local.port,
            **({"altered": list(event.altered)} if event.altered else {}),
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
        capture = self._capture(event)
        if capture is not None:
            held.callback(capture.end)
        return self._parts.make(facts, event.local, profile, capture)

    def _capture(self, event: IncomingCall) -> CallCapture | None:
        if self._captures is None:
            return None
        local = wiring.rtp_address(self._config, event.local, event.source[0])
        capture = self._captures.begin(event.call_id, local, event.from_uri, event.to_uri)
        if capture is not None:
            self._sip_captures.attach(event.sip_call_id, capture)
        return capture
