"""`sipua outbound URI`: the agent calls somebody. One call, and how it went as the exit code.

The same call as one that comes in (`sipua.call`), with the tools, the record and the fallbacks of
its route; only its opening differs. It never registers: an edge that runs with the same account
stays registered. Several at once are several processes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sipua import last_net, logs, placing, routes, sip_log, wiring
from sipua.call import Call, CallSignal
from sipua.call_parts import PartsError, open_parts
from sipua.config import Config
from sipua.exits import Exit
from sipua.facts import CallFacts
from sipua.opening import Placing
from sipua.placing import RequestError
from sipua.profile import AgentProfile
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.addresses import host_of
from sipua.sip.agent import SipAgent
from sipua.sip.errors import CannotListenError, PortTakenError
from sipua.sip.messages import SipEvent, SipMessage, new_call_id

SIGNALLING_GRACE_S = 3.0
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    uri: str
    account: str = ""
    route: str = ""
    """Empty: the first that fits, as for a call that comes in."""


def run(config: Config, request: OutboundRequest) -> int:
    """The process's exit code: 0 when somebody answered and was talked with."""
    try:
        placing.check_uri(request.uri)
        placing.check_account(config, request.account)
        profile = profile_of(config, request)
    except RequestError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.USAGE
    with asyncio.Runner(loop_factory=last_net.new_event_loop) as runner:
        return runner.run(Outbound(config, request, profile).run())


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
        self._log = logs.get()
        rtp = config.rtp
        self._ports = PortPool(rtp.host or config.sip.host, rtp.port_min, rtp.port_max)
        gate = wiring.admission(config, max_calls=0)  # while we call, nobody calls us
        settings = placing.sip_settings(config, request.account, log_messages=config.log.sip)
        self._from = next((a.id_uri for a in settings.accounts), "")
        self._sip = SipAgent(settings, gate, self._ports, self._on_sip)

    async def run(self) -> int:
        try:
            async with open_parts(self._config, self._sip.send) as parts:
                await self._sip.start()
                local = self._ports.reserve(time.monotonic())
                self._call = parts.make(self._facts(), local, self._profile)
                code = await self._talk(self._call, local)
                await self._sip.stop(SIGNALLING_GRACE_S)
                return code
        except PartsError as error:
            self._log.error(error.event, error=str(error), fix=error.fix)
            return error.code
        except (PortTakenError, CannotListenError, NoPortsLeft) as error:
            sys.stderr.write(f"sipua: {error}\n")
            return Exit.NETWORK

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
            peer=host_of(request.uri),
        )

    async def _talk(self, call: Call, local: ReservedPort) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # The far side must not be left talking to nobody.
            loop.add_signal_handler(number, self._interrupt, call)
        await call.run(Placing(self._request.uri, self._request.account, local))
        self._ports.release(local, time.monotonic())
        sys.stdout.write(f"{self._request.uri}: {call.summary}\n")
        if self._interrupted:
            return Exit.INTERRUPTED
        if call.engine_missed:
            return Exit.ENGINE
        return Exit.OK if call.confirmed.is_set() else Exit.SIP

    def _interrupt(self, call: Call) -> None:
        self._interrupted = True
        call.hang_up(INTERRUPTED)

    def _on_sip(self, event: SipEvent) -> None:
        if isinstance(event, CallSignal):
            if self._call is not None:
                self._call.on_sip(event)
        elif not isinstance(event, SipMessage) or self._config.log.sip:
            sip_log.tell(self._log, event)
