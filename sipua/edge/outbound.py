"""`sipua outbound URI`: the agent places one call; its result is the exit code.

It is the same call as an incoming one, in a worker of its own, with the tools, the record and the
fallbacks of its route; only its opening differs. It never registers: an edge that runs with the
same account stays registered. Several calls at once are several processes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from sipua.bridge.agent.process import AgentError
from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.legs.orders import CallOrder, PlaceLeg
from sipua.calls.profile import AgentProfile
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.config import Config
from sipua.edge.agent_host import AgentHost
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.signalling_log import SignallingLog
from sipua.edge.placing import not_called, placing
from sipua.edge.placing.outgoing import ForbiddenError, Outgoing, outgoing
from sipua.edge.placing.placing import RequestError
from sipua.edge.placing.ready_leg import ReadyLeg, invite, ways_of
from sipua.edge.wiring import parties, wiring
from sipua.edge.workers.fork_server import ForkServer
from sipua.edge.workers.workers import Workers, WorkersError
from sipua.events import edge_events
from sipua.events.ending import Reason
from sipua.events.stream import EventStream
from sipua.events.teller import Teller, Told
from sipua.log import logs
from sipua.outputs.cdr.call_records import CallRecords
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.process.main_loop import SIGNALLING_GRACE_S
from sipua.process.port_owner import port_owner
from sipua.rtp.hostport import bracketed
from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip.errors import CannotListenError, PortTakenError, SignallingHangsError
from sipua.sip.messages import (
    CallProgress,
    CallSignal,
    SignallingLost,
    SipEvent,
    SipMessage,
    new_call_id,
)
from sipua.sip.pj.agent import SipAgent
from sipua.sip.wire.addresses import host_of
from sipua.worker.link.messages import CallOver, ToEdge

COMMAND = "sipua outbound"
INTERRUPTED = "interrupted"
_CAPS = ("max_calls", "calls_per_second", "number_pool")
_NOT_PLACED = CallOver("", summary=f"not answered: {INTERRUPTED}")


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    uri: str
    account: str = ""
    route: str = ""
    """Empty: the first that fits, as for an incoming call."""


def run(config: Config, request: OutboundRequest, forks: ForkServer | None = None) -> int:
    """Place the call; returns the exit code: 0 when it was answered and the agent talked. `forks`:
    begun already, or None.
    """
    try:
        placing.check_uri(request.uri)
        placing.check_account(config, request.account)
        profile = profile_of(config, request)
        out = outgoing_of(config, request, profile)
        not_called.check(config, out.called, request.account)
        config = placing.for_one_call(placing.towards(config, request.uri))
    except RequestError as error:
        if isinstance(error, ForbiddenError):
            Teller(logs.get()).tell(
                edge_events.CallBlocked(
                    origin=error.trunk, rule=error.rule, cause=error.cause, by=COMMAND
                )
            )
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.USAGE
    if said := not_counted(config, request.account):
        sys.stderr.write(f"sipua: {said}\n")
    return main_loop.run(Outbound(config, request, profile, out, forks).run())


def not_counted(config: Config, account: str) -> str:
    """What it means that an edge runs beside us; empty: none does, as far as can be seen."""
    owner = port_owner("udp", config.sip.port)
    if owner is None:
        return ""
    trunk = parties.trunk_named(config, account)
    caps = ["sip.max_calls"]
    if trunk is not None:
        caps += [f"{key} of trunk {trunk.name}" for key in _CAPS if getattr(trunk, key)]
    return (
        f"{owner} has port {config.sip.port} of this configuration: if it is its edge, this call "
        f"does not count there ({', '.join(caps)}); POST /v1/calls places one that does"
    )


def profile_of(config: Config, request: OutboundRequest) -> AgentProfile:
    if not request.route:
        form = parties.form_of_ours(parties.trunk_named(config, request.account))
        called = parties.formatted(form, request.uri)
        return routes.resolve(config, routes.Asked((called,), "", request.account))
    return routes.profile(config, placing.route_named(config, request.route))


def outgoing_of(config: Config, request: OutboundRequest, profile: AgentProfile) -> Outgoing:
    """Raises RequestError."""
    settings = wiring.sip_settings(config, max_calls=0)
    of_route = (route.headers_out for route in config.routes if route.name == profile.route)
    return outgoing(
        config,
        request.account,
        request.uri,
        id_uri=placing.id_uri(settings, request.account),
        sign=placing.sign(settings, request.account),
        given={},
        of_route=next(of_route, {}),
    )


class Outbound:
    def __init__(
        self,
        config: Config,
        request: OutboundRequest,
        profile: AgentProfile,
        out: Outgoing,
        forks: ForkServer | None = None,
    ) -> None:
        self._config = config
        self._request = request
        self._profile = profile
        self._out = out
        self._interrupted = asyncio.Event()
        self._lost = False
        self._worker_lost = False
        self._over: asyncio.Future[CallOver] | None = None
        self._log = logs.get()
        events = EventStream(wiring.node(config))
        self._sip_log = SignallingLog(self._log, events.teller, config.record.numbers)
        rtp = config.rtp
        self._ports = PortPool(wiring.rtp_hosts(config), rtp.port_min, rtp.port_max)
        gate = wiring.admission(config, max_calls=0)  # no incoming calls
        self._settings = placing.sip_settings(config, request.account, log_messages=config.log.sip)
        self._sip = SipAgent(self._settings, gate, self._ports, self._on_sip)
        self._workers = Workers(
            config,
            count=1,
            tell=events.teller().tell,
            on_message=self._on_message,
            on_lost=self._on_worker_lost,
            on_hopeless=lambda _: None,
            forks=forks,
        )
        self._call_records = CallRecords(wiring.call_records(config), events)
        self._calls = EdgeCalls(
            config,
            self._workers,
            self._ports,
            self._sip.send,
            events,
            make_leg=self._make_leg,
            on_over=self._on_over,
        )

    async def run(self) -> Exit:
        # The other side must not be left in a dead call.
        main_loop.on_interrupt(self._interrupt)
        try:
            return await self._place()
        except AgentError as error:
            sys.stderr.write(f"sipua: {error}\n")
            return Exit.ENGINE
        except WorkersError as error:
            self._log.error(error.event, error=str(error), fix=error.fix)
            return error.code
        except (PortTakenError, CannotListenError, NoPortsLeft) as error:
            sys.stderr.write(f"sipua: {error}\n")
            return Exit.NETWORK
        except SignallingHangsError as error:
            self._on_lost(SignallingLost(str(error)))
            return Exit.SIGNALLING

    async def _place(self) -> Exit:
        """Place the call. On any failure all is released, from the last to the first."""
        self._over = asyncio.get_running_loop().create_future()
        async with AsyncExitStack() as held:
            agent = AgentHost(self._config)
            held.push_async_callback(agent.stop)
            held.push_async_callback(self._call_records.stop)
            await self._call_records.start()
            self._calls.start()
            held.push_async_callback(self._calls.stop)
            held.push_async_callback(self._workers.stop)
            start = self._workers.start(agent.start())
            if await main_loop.run_unless(self._interrupted, start):
                over = await self._call(held)
            else:
                over = _NOT_PLACED
            sys.stdout.write(f"{self._request.uri}: {over.summary}\n")
        return self._exit_of(over)

    async def _call(self, held: AsyncExitStack) -> CallOver:
        await self._sip.start()
        held.push_async_callback(self._sip.stop, SIGNALLING_GRACE_S)
        request, out = self._request, self._out
        facts = self._facts()
        first_hop = placing.first_hop(self._settings, request.account, request.uri)
        local = await placing.reserve(self._ports, self._sip, first_hop)
        if self._interrupted.is_set() or self._lost:
            self._ports.release(local, time.monotonic())
            return _NOT_PLACED
        place = PlaceRequest(request.uri, request.account, headers=out.headers)
        self._calls.place(facts, local, place)
        assert self._over is not None
        return await self._over

    def _exit_of(self, over: CallOver) -> Exit:
        if self._lost:
            return Exit.SIGNALLING
        if self._interrupted.is_set():
            return Exit.INTERRUPTED
        if self._worker_lost:
            return Exit.WORKERS
        if over.failed:
            return Exit.INTERNAL
        if over.engine_missed:
            return Exit.ENGINE
        return Exit.OK if over.answered else Exit.SIP

    def _facts(self) -> CallFacts:
        request = self._request
        return CallFacts(
            call_id=new_call_id(),
            direction="outgoing",
            from_uri=self._out.from_uri,
            to_uri=request.uri,
            origin=request.account,
            route=self._profile.route,
            started_at=datetime.now(UTC),
            began_s=time.monotonic(),
            peer=bracketed(host_of(request.uri)),
            caller=self._out.caller,
            called=self._out.called,
        )

    async def _make_leg(self, order: PlaceLeg) -> ReadyLeg:
        """For a second leg of the call."""
        try:
            peer = bracketed(host_of(self._request.uri))
            # Without rules: signalling has the account of the call, and no other.
            config = self._config.model_copy(update={"outbound_routes": ()})
            ways = ways_of(config, self._settings, order, peer, random.Random())  # noqa: S311
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        hop = placing.first_hop(self._settings, order.account, ways[0].target)
        return ReadyLeg(invite(order, ways, await placing.reserve(self._ports, self._sip, hop)))

    def _interrupt(self) -> None:
        self._interrupted.set()
        self._calls.hang_up_all(Reason.OPERATOR_HANGUP, INTERRUPTED, 0)

    def _on_over(self, over: CallOver) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(over)

    def _on_worker_lost(self, worker: int, cause: str) -> None:
        self._worker_lost = True
        self._calls.on_worker_lost(worker, cause)

    def _on_lost(self, event: SignallingLost) -> None:
        sys.stderr.write(f"sipua: SIP signalling is lost: {event.cause}\n")
        self._lost = True
        main_loop.leave_soon()
        self._calls.end_all("signalling is lost")

    def _on_message(self, worker: int, message: ToEdge) -> None:
        if isinstance(message, Told):
            self._calls.on_told(message)
        elif isinstance(message, CallOrder | CallOver):
            self._calls.on_message(worker, message)

    def _on_sip(self, event: SipEvent) -> None:
        if isinstance(event, CallSignal):
            self._calls.on_signal(event)
        elif isinstance(event, CallProgress) and self._calls.legs.on_signal(event):
            pass  # its call tells it
        elif isinstance(event, SignallingLost):
            self._on_lost(event)
        elif not isinstance(event, SipMessage) or self._config.log.sip:
            self._sip_log.log_event(event, time.monotonic())
