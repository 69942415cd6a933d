"""The edge: its parts put together, its start and its end. Calls live in worker processes.

    signalling (pjsua2 thread) ──events──▶ Edge ──▶ EdgeCalls ──▶ Workers ══link══ a worker: Call
                               ◀─commands─

SIGTERM or Ctrl-C: unregister, refuse new calls with 503, let running ones finish within
`calls.drain_s`, then BYE; exit 0. While workers start: at once, and 0. A second signal: at once,
and not 0. Lost signalling ends the process within seconds: its supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sipua.bridge.agent.process import AgentError
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls import routes
from sipua.calls.legs.orders import CallOrder
from sipua.capture.sip_messages import SipToCaptures
from sipua.config import Config
from sipua.config.change.in_force import Configured, InForce
from sipua.control.link.edge_port import ApiError
from sipua.doctor import doctor
from sipua.edge import banner, outputs
from sipua.edge.agent_host import AgentHost
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.place_calls import PlaceCalls
from sipua.edge.calls.signalling_log import SignallingLog
from sipua.edge.control import EdgeControl
from sipua.edge.engine_health import EngineHealth
from sipua.edge.in_use import PartsInUse, at_once
from sipua.edge.reload import hangup
from sipua.edge.reload.reloads import Reloads
from sipua.edge.reload.source import Source
from sipua.edge.state_log import StateLog
from sipua.edge.wiring import stir, wiring
from sipua.edge.workers.fork_server import ForkServer
from sipua.edge.workers.workers import Workers, WorkersError
from sipua.events import edge_events
from sipua.events.ending import Reason
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.log import logs
from sipua.outputs.errors import OutputError
from sipua.outputs.hep.seen import RtcpSeen
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.process.large_blocks import map_large_blocks
from sipua.process.main_loop import SIGNALLING_GRACE_S
from sipua.process.port_owner import port_owner
from sipua.rtp.ports import PortPool
from sipua.sip.errors import CannotListenError, PortTakenError, SignallingHangsError
from sipua.sip.messages import (
    CallProgress,
    CallSignal,
    IncomingCall,
    Leave,
    SignallingLost,
    SipEvent,
    SipMessage,
)
from sipua.sip.pj.agent import SipAgent
from sipua.worker.link.messages import CallOver, EngineTried, Samples, Steered, ToEdge

if TYPE_CHECKING:
    from sipua.control.api import ControlApi


def run(
    config: Config,
    *,
    show_banner: bool = True,
    forks: ForkServer | None = None,
    source: Source | None = None,
) -> int:
    """Serve until a signal; returns the process's exit code. `forks`: begun already, or None.
    `source`: where it is read again, for a reload; None: it is always this one.
    """
    # The signalling thread needs the interpreter for microseconds at a time; the default of
    # 5 ms would delay each step of a call set-up by as much while the media loop is busy.
    sys.setswitchinterval(0.001)
    map_large_blocks()
    return main_loop.run(Edge(config, show_banner=show_banner, forks=forks, source=source).run())


class Edge:
    def __init__(
        self,
        config: Config,
        *,
        show_banner: bool,
        forks: ForkServer | None = None,
        source: Source | None = None,
    ) -> None:
        origin = source or Source.fixed(config)
        self._in_force = InForce(config, origin.name, datetime.now(UTC))
        self._show_banner = show_banner
        self._build = doctor.build_info()
        self._max_calls = at_once(config, self._build.max_calls)
        self._log = logs.get()
        self._events = EventStream(wiring.node(config))
        self._tell = self._events.teller().tell
        self._sip_log = SignallingLog(self._log, self._events.teller, config.record.numbers)
        self._admission = wiring.admission(config, self._max_calls)
        self._health = EngineHealth(routes.engine_names(config))
        self._admission.engine_missing_s = self._health.missing_s
        rtp = config.rtp
        self._ports = PortPool(
            wiring.rtp_hosts(config), rtp.port_min, rtp.port_max, rest_s=rtp.port_rest_s
        )
        settings = wiring.sip_settings(config, self._build.max_calls)
        self._checks = stir.checks(config, self._ports, then=self._on_sip)
        self._sip = SipAgent(settings, self._admission, self._ports, self._checks.on_event)
        self._checks.send = self._sip.send
        self._sip_captures = SipToCaptures(self._sip.local_address)
        self._capturing = wiring.captures(config) is not None
        self._workers = Workers(
            config,
            count=wiring.worker_count(config),
            tell=self._tell,
            on_message=self._on_message,
            on_lost=self._on_worker_lost,
            on_hopeless=self._on_hopeless,
            forks=forks,
        )
        self._admission.worker_missing_s = self._workers.missing_s
        self._calls = EdgeCalls(
            config,
            self._workers,
            self._ports,
            self._sip.send,
            self._events,
            make_leg=lambda order: self._placing.second_leg(order),  # noqa: PLW0108 (made below)
            sip_captures=self._sip_captures,
        )
        self._calls.use(config, self._in_force.now.hash)
        self._placing = PlaceCalls(
            config,
            self._calls,
            settings=settings,
            ports=self._ports,
            sip=self._sip,
            admission=self._admission,
            events=self._events,
        )
        self._watching_sip: list[Callable[[SipMessage], None]] = []
        self._watching_rtcp: list[Callable[[RtcpSeen], None]] = []
        of_edge = outputs.Source(
            in_force=self._in_force,
            events=self._events,
            workers=self._workers,
            ports=self._ports.stats,
            watch_engines=self._health.subscribe,
            watch_sip=self._watching_sip.append,
            watch_rtcp=self._watching_rtcp.append,
            queues=self._calls.queues.states,
            sip=self._sip,
            places=self._placing,
        )
        self._outputs = outputs.outputs(config, of_edge)
        self._agent = AgentHost(config)
        self._stop = asyncio.Event()
        self._reloads = Reloads(
            self._in_force,
            origin.read,
            self._workers.config,
            agent_url=self._agent.url_for,
            use=self._use,
            tell=self._tell,
        )
        self._control = EdgeControl(
            admission=self._admission,
            calls=self._calls,
            placing=self._placing,
            workers=self._workers,
            health=self._health,
            send=self._sip.send,
            tell=self._tell,
            stop=self._stop,
            reloads=self._reloads,
        )
        self._api = self._make_api() if config.api.enabled else None
        self._parts_in_use = PartsInUse(
            in_force=self._in_force,
            most_calls=self._build.max_calls,
            calls=self._calls,
            placing=self._placing,
            health=self._health,
            admission=self._admission,
            sip=self._sip,
            sip_log=self._sip_log,
            supervisor=self._workers.supervisor,
            webhooks=self._outputs.webhooks,
            control=self._control,
            checks=self._checks,
            use_in_metrics=self._outputs.learn,
            use_in_api=nothing if self._api is None else self._api.use_config,
        )
        self._code = Exit.OK

    def _make_api(self) -> ControlApi:
        # The start of an edge without it need not wait a fifth of a second for its imports.
        from sipua.control.api import ControlApi  # noqa: PLC0415

        metrics = self._outputs.metrics
        page = None if metrics is None else metrics.page()
        return ControlApi(self._in_force, self._events, self._control, page)

    @property
    def _config(self) -> Config:
        return self._in_force.config

    def _use(self, configured: Configured) -> None:
        self._parts_in_use.use(configured)

    async def run(self) -> Exit:
        main_loop.on_interrupt(self._stop.set)
        hangup.on_hangup(self._control.reload_by_signal, self._stop.set)
        try:
            async with AsyncExitStack() as started:
                if self._api is not None:
                    started.push_async_callback(self._api.stop)
                    await self._api.start()
                await outputs.start(self._outputs, started)
                started.push_async_callback(self._agent.stop)
                self._calls.start()
                started.push_async_callback(self._calls.stop)
                started.push_async_callback(self._placing.stop)
                started.push_async_callback(self._checks.stop)
                started.push_async_callback(self._workers.stop)
                start = self._workers.start(self._agent.start())
                if await main_loop.run_unless(self._stop, start):
                    return await self._serve()
                self._log.info("edge.stopped")
                return self._code
        except AgentError as error:
            self._log.error(
                "engine.failed", error=str(error), fix="start `sipua agent` by hand to see why"
            )
            return Exit.ENGINE
        except ApiError as error:
            self._log.error("api.cannot_listen", error=str(error), fix="`api.host`, `api.port`")
            return Exit.NETWORK
        except OutputError as error:
            self._log.error(error.event, error=str(error), fix=error.fix)
            return Exit.NETWORK
        except WorkersError as error:
            if self._code is Exit.OK:  # not told yet
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
            self._log.error("edge.cannot_listen", error=str(error), fix=error.fix)
            return Exit.NETWORK
        except SignallingHangsError as error:
            self._on_lost(SignallingLost(str(error)))
            return Exit.SIGNALLING
        addresses = list(dict.fromkeys(listener.address for listener in listeners))
        transports = list(self._config.sip.transports)
        self._tell(
            banner.listening(
                self._config,
                self._build,
                self._max_calls,
                addresses,
                agent_url=self._agent.url,
                workers=self._workers.pids,
                config_hash=self._in_force.now.hash,
            )
        )
        for finding in doctor.check_running(self._build, self._max_calls, len(self._workers.pids)):
            self._tell(
                edge_events.Warned(about=finding.name, value=str(finding.value), fix=finding.advice)
            )
        if self._show_banner:
            banner.show(self._config, self._build, self._max_calls, addresses, transports)
        # A full collection visits every object of every import, 20 ms and more without signalling.
        # All present objects stay for good: the collector need not visit them.
        gc.collect()
        gc.freeze()
        every_s = lambda: self._config.log.state_s  # noqa: E731 (it may change)
        state_log = StateLog(every_s, self._calls, self._ports, self._workers)
        state = FaultOwner().task(state_log.run(), "edge.state")
        self._reloads.up = True
        await self._stop.wait()
        self._reloads.up = False
        await self._drain()
        state.cancel()
        self._sip_log.close()
        self._tell(edge_events.Stopped())
        return self._code

    # --- the end --------------------------------------------------------------------------

    def _on_lost(self, event: SignallingLost) -> None:
        self._tell(
            edge_events.SignallingLost(
                error=event.cause,
                calls=len(self._calls),
                exit_code=Exit.SIGNALLING.value,
                fix="the process ends now: let a supervisor start it again (systemd: "
                "Restart=always); please report the lines before this one",
            )
        )
        self._code = Exit.SIGNALLING
        main_loop.leave_soon()
        self._calls.end_all("signalling is lost")
        self._stop.set()

    def _on_hopeless(self, error: WorkersError) -> None:
        self._tell(
            edge_events.WorkersHopeless(error=str(error), exit_code=error.code.value, fix=error.fix)
        )
        self._code = error.code
        self._stop.set()

    async def _drain(self) -> None:
        self._admission.draining = True
        self._sip.send(Leave())
        self._workers.no_more_calls()
        drain_s = self._config.calls.drain_s
        self._tell(edge_events.Draining(calls=len(self._calls), drain_s=drain_s))
        if self._calls:
            try:
                await asyncio.wait_for(self._calls.empty.wait(), drain_s)
            except TimeoutError:
                self._calls.hang_up_all(Reason.SHUTDOWN, "the edge is shutting down", 503)
        await self._sip.stop(SIGNALLING_GRACE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._calls.empty.wait(), SIGNALLING_GRACE_S)

    # --- signalling and workers -----------------------------------------------------------

    def _on_sip(self, event: SipEvent) -> None:
        match event:
            case IncomingCall():
                self._calls.begin(event)
            case SignallingLost():
                self._on_lost(event)
            case SipMessage():
                if self._api is not None:
                    self._api.take_sip(event)
                if self._capturing:
                    self._sip_captures.take(event, time.monotonic())
                for watch in self._watching_sip:
                    watch(event)
                if self._config.log.sip:
                    self._sip_log.log_event(event, time.monotonic())
            case _ if isinstance(event, CallSignal):
                self._calls.on_signal(event)
            case CallProgress() if self._calls.legs.on_signal(event):
                """Its call tells it."""
            case _ if self._placing.follows(event):
                """A REFER of a peer."""
            case _:
                self._sip_log.log_event(event, time.monotonic())

    def _on_message(self, worker: int, message: ToEdge) -> None:
        match message:
            case EngineTried():
                now = time.monotonic()
                self._health.tried(message.name, reached=message.reached, now=now)
            case Told():
                self._calls.on_told(message)
            case Samples():
                if self._api is not None:
                    self._api.take(message)
            case RtcpSeen():
                for watch in self._watching_rtcp:
                    watch(message)
            case _ if isinstance(message, CallOrder | Steered | CallOver):
                self._calls.on_message(worker, message)

    def _on_worker_lost(self, worker: int, cause: str) -> None:
        self._calls.on_worker_lost(worker, cause)
