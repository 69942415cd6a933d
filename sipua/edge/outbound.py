"""`sipua outbound URI`: the agent places one call; its result is the exit code.

It is the same call as an incoming one (`sipua.calls.call`), with the tools, the record and the
fallbacks of its route; only its opening differs. It never registers: an edge that runs with the
same account stays registered. Several calls at once are several processes.
"""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from sipua.calls import routes
from sipua.calls.call import Call, CallSignal
from sipua.calls.facts import CallFacts
from sipua.calls.opening import Placing
from sipua.calls.profile import AgentProfile
from sipua.calls.signalling_log import SignallingLog
from sipua.config import Config
from sipua.edge import placing
from sipua.edge.call_parts import PartsError, open_parts
from sipua.edge.placing import RequestError
from sipua.edge.wiring import wiring
from sipua.log import logs
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.process.main_loop import SIGNALLING_GRACE_S
from sipua.rtp.hostport import bracketed
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.addresses import host_of
from sipua.sip.errors import CannotListenError, PortTakenError, SignallingHangsError
from sipua.sip.messages import CallEnded, EndedBy, SignallingLost, SipEvent, SipMessage, new_call_id
from sipua.sip.pj.agent import SipAgent

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    uri: str
    account: str = ""
    route: str = ""
    """Empty: the first that fits, as for an incoming call."""


def run(config: Config, request: OutboundRequest) -> int:
    """Place the call; returns the exit code: 0 when it was answered and the agent talked."""
    try:
        placing.check_uri(request.uri)
        placing.check_account(config, request.account)
        profile = profile_of(config, request)
        config = placing.towards(config, request.uri)
    except RequestError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.USAGE
    return main_loop.run(Outbound(config, request, profile).run())


def profile_of(config: Config, request: OutboundRequest) -> AgentProfile:
    if not request.route:
        return routes.resolve(config, routes.Asked((request.uri,), "", request.account))
    for route in config.routes:
        if route.name == request.route:
            return routes.profile(config, route)
    there = ", ".join(route.name for route in config.routes) or "none in this configuration"
    raise RequestError(f"there is no route {request.route!r}; there is: {there}")


class Outbound:
    def __init__(self, config: Config, request: OutboundRequest, profile: AgentProfile) -> None:
        self._config = config
        self._request = request
        self._profile = profile
        self._call: Call | None = None
        self._interrupted = False
        self._lost = False
        self._log = logs.get()
        self._sip_log = SignallingLog(self._log, config.record.numbers)
        rtp = config.rtp
        self._ports = PortPool(wiring.rtp_hosts(config), rtp.port_min, rtp.port_max)
        gate = wiring.admission(config, max_calls=0)  # no incoming calls
        self._settings = placing.sip_settings(config, request.account, log_messages=config.log.sip)
        self._from = next((a.id_uri for a in self._settings.accounts), "")
        self._sip = SipAgent(self._settings, gate, self._ports, self._on_sip)

    async def run(self) -> Exit:
        # The other side must not be left in a dead call.
        main_loop.on_interrupt(self._interrupt)
        try:
            return await self._place()
        except PartsError as error:
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
        async with AsyncExitStack() as held:
            parts = await held.enter_async_context(open_parts(self._config, self._sip.send))
            await self._sip.start()
            held.push_async_callback(self._sip.stop, SIGNALLING_GRACE_S)
            local = await placing.reserve(self._ports, self._sip, self._settings, self._request.uri)
            held.callback(self._release, local)
            call = self._call = parts.make(self._facts(), local, self._profile)
            if self._interrupted or self._lost:  # before there was anything to hang up
                call.on_sip(CallEnded(call.call_id, EndedBy.US, 0, INTERRUPTED))
            await call.run(Placing(self._request.uri, self._request.account, local))
            sys.stdout.write(f"{self._request.uri}: {call.summary}\n")
        return self._code(call)

    def _code(self, call: Call) -> Exit:
        if self._lost:
            return Exit.SIGNALLING
        if self._interrupted:
            return Exit.INTERRUPTED
        if call.engine_missed:
            return Exit.ENGINE
        return Exit.OK if call.confirmed.is_set() else Exit.SIP

    def _release(self, local: ReservedPort) -> None:
        self._ports.release(local, time.monotonic())

    def _facts(self) -> CallFacts:
        request = self._request
        return CallFacts(
            call_id=new_call_id(),
            direction="outgoing",
            from_uri=self._from,
            to_uri=request.uri,
            origin=request.account,
            route=self._profile.route,
            started_at=datetime.now(UTC),
            peer=bracketed(host_of(request.uri)),
        )

    def _interrupt(self) -> None:
        self._interrupted = True
        if self._call is not None:
            self._call.hang_up(INTERRUPTED)

    def _on_lost(self, event: SignallingLost) -> None:
        sys.stderr.write(f"sipua: SIP signalling is lost: {event.cause}\n")
        self._lost = True
        main_loop.leave_soon()
        if self._call is not None:
            ended = CallEnded(self._call.call_id, EndedBy.US, 0, "signalling is lost")
            self._call.on_sip(ended)

    def _on_sip(self, event: SipEvent) -> None:
        if isinstance(event, CallSignal):
            if self._call is not None:
                self._call.on_sip(event)
        elif isinstance(event, SignallingLost):
            self._on_lost(event)
        elif not isinstance(event, SipMessage) or self._config.log.sip:
            self._sip_log.log_event(event, time.monotonic())
