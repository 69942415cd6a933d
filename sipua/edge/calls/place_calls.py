"""Calls that a running edge places, because an operator or a program wants them."""

from __future__ import annotations

from datetime import UTC, datetime

from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest, fault_of
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.values.uri import UriError
from sipua.edge.calls import placing
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.placing import RequestError
from sipua.edge.wiring import wiring
from sipua.edge.workers.workers import WorkersError
from sipua.rtp.hostport import bracketed
from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip.addresses import host_of
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import new_call_id
from sipua.sip.pj.agent import SipAgent
from sipua.sip.settings import SipSettings
from sipua.worker.link.coding import LinkError

_LOCAL = ("", 0)


class PlaceCalls:
    """On the edge's loop."""

    def __init__(
        self,
        config: Config,
        calls: EdgeCalls,
        *,
        settings: SipSettings,
        ports: PortPool,
        sip: SipAgent,
        admission: Admission,
    ) -> None:
        self.use(config, settings)
        self._calls = calls
        self._ports = ports
        self._sip = sip
        self._admission = admission
        self._being_placed = 0

    def use(self, config: Config, settings: SipSettings) -> None:
        self._config = config
        self._settings = settings

    async def place(self, request: PlaceRequest) -> str:
        """The call's id; its events tell the rest. Raises CannotPlaceError."""
        facts = self._facts(request)
        self._check_room()
        self._being_placed += 1
        try:
            first_hop = placing.first_hop(self._settings, request.origin, facts.to_uri)
            local = await placing.reserve(self._ports, self._sip, first_hop)
        except NoPortsLeft as error:
            raise CannotPlaceError("no_port", str(error), retry_after_s=1.0) from None
        finally:
            self._being_placed -= 1
        try:
            self._calls.place(facts, local, request)
        except WorkersError as error:
            raise CannotPlaceError("no_worker", str(error), retry_after_s=1.0) from None
        except LinkError as error:
            raise CannotPlaceError("failed", str(error)) from None
        return facts.call_id

    def _check_room(self) -> None:
        if self._admission.draining:
            raise CannotPlaceError("draining", "the edge is draining: it begins no calls")
        most = self._admission.max_calls
        if len(self._calls) + self._being_placed >= most:
            raise CannotPlaceError("full", f"all {most} calls are up", retry_after_s=5.0)

    def _facts(self, request: PlaceRequest) -> CallFacts:
        if fault := fault_of(request):
            raise CannotPlaceError("invalid", fault)
        try:
            placing.check_account(self._config, request.origin)
            peer = wiring.peer_of(self._config, request.origin, _LOCAL) if request.origin else ""
            uri = target_uri(request.to, peer)
            placing.check_uri(uri)
            placing.check_family(self._config, uri)
            route = self._route(request, uri)
        except UriError as error:
            raise CannotPlaceError("invalid", f"`to` {error.what}: {error.fix}") from None
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        policy = routes.answering(self._config, routes.named(self._config, route))
        if request.on_voicemail == "message" and not policy.leaves_one:
            words = "`on_voicemail`: the route has no voicemail_message and no voicemail_text"
            raise CannotPlaceError("invalid", words)
        account = (one.id_uri for one in self._settings.accounts if one.name == request.origin)
        call_id = new_call_id()
        return CallFacts(
            call_id=call_id,
            direction="outgoing",
            from_uri=next(account, ""),
            to_uri=uri,
            origin=request.origin,
            route=route,
            started_at=datetime.now(UTC),
            peer=peer or bracketed(host_of(uri)),
            metadata=dict(request.metadata),
            trace=wiring.trace(self._config, call_id),
        )

    def _route(self, request: PlaceRequest, uri: str) -> str:
        if request.route:
            return placing.route_named(self._config, request.route).name
        asked = routes.Asked((uri,), "", request.origin)
        fitting = routes.choose(self._config.routes, asked)
        return fitting.name if fitting else ""
