"""Calls that a running edge places, because an operator or a program wants them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest, fault_of
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.sections.routes import RouteSection
from sipua.config.values.uri import UriError, check_target
from sipua.edge.calls import follow_refer, placing
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.outgoing import ForbiddenError, outgoing
from sipua.edge.calls.placing import RequestError
from sipua.edge.calls.ready_leg import ReadyLeg, invite, out_of
from sipua.edge.wiring import parties, wiring
from sipua.edge.workers.workers import WorkersError
from sipua.events import edge_events
from sipua.events.event import Event
from sipua.log import logs
from sipua.rtp.hostport import bracketed
from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import SipEvent, new_call_id
from sipua.sip.pj.agent import SipAgent
from sipua.sip.settings import SipSettings
from sipua.sip.wire.addresses import host_of
from sipua.sip.wire.refer_messages import FollowRefer, ReferAsked, RefuseRefer
from sipua.worker.link.coding import LinkError

_LOCAL = ("", 0)
FORBIDDEN, NO_ROOM, INTERNAL_ERROR = 403, 503, 500


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
        tell: Callable[[Event], None],
    ) -> None:
        self.use(config, settings)
        self._calls = calls
        self._ports = ports
        self._sip = sip
        self._admission = admission
        self._tell = tell
        self._being_placed = 0

    def use(self, config: Config, settings: SipSettings) -> None:
        self._config = config
        self._settings = settings

    async def place(self, request: PlaceRequest) -> str:
        """The call's id; its events tell the rest. Raises CannotPlaceError."""
        facts, request = self._judged(request)
        if self._admission.draining:
            raise CannotPlaceError("draining", "the edge is draining: it begins no calls")
        self._check_room()
        self._take_slot(facts.call_id, request.origin, request.by)
        with ExitStack() as held:
            held.callback(self._admission.slots.give_back, facts.call_id)
            await self._place(facts, request)
            held.pop_all()  # from here on signalling gives it back, with the end of the call
        return facts.call_id

    async def _place(self, facts: CallFacts, request: PlaceRequest) -> None:
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

    async def second_leg(self, order: PlaceLeg) -> ReadyLeg:
        """Of a call that is up, which may still be transferred while the edge drains. Raises
        NoPortsLeft, CannotPlaceError."""
        self._check_room(counted=1)
        try:
            out = out_of(self._config, self._settings, order)
        except ForbiddenError as error:
            self._tell_blocked(error, "")
            raise CannotPlaceError("invalid", str(error)) from None
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        self._take_slot(order.leg_id, order.account, "")
        not_sent = partial(self._admission.slots.give_back, order.leg_id)
        with ExitStack() as held:
            held.callback(not_sent)
            hop = placing.first_hop(self._settings, order.account, out.to)
            local = await placing.reserve(self._ports, self._sip, hop)
            held.pop_all()
        return ReadyLeg(invite(order, out, local), not_sent)

    def follows(self, event: SipEvent) -> bool:
        """Whether it is a REFER of a peer, which then is answered: its target may be called, or
        not."""
        if isinstance(event, ReferAsked):
            self._sip.send(self._followed(event))
        return isinstance(event, ReferAsked)

    def _followed(self, asked: ReferAsked) -> FollowRefer | RefuseRefer:
        try:
            self._check_room()
            order = follow_refer.follow(self._config, self._settings, asked)
            self._take_slot(asked.leg_id, order.account, "")
        except ForbiddenError as error:
            self._tell_blocked(error, "")
            return _refused(asked, FORBIDDEN, str(error))
        except (RequestError, UriError) as error:
            return _refused(asked, FORBIDDEN, str(error))
        except CannotPlaceError as error:
            return _refused(asked, NO_ROOM, str(error))
        except Exception as error:  # noqa: BLE001 (the peer waits for an answer)
            logs.call_failed(asked.call_id, error)
            return _refused(asked, INTERNAL_ERROR, "internal error")
        return order

    def _check_room(self, *, counted: int = 0) -> None:
        """`counted`: of those that are up, what asks for room itself."""
        most = self._admission.max_calls
        up = len(self._calls) + len(self._calls.legs) - counted
        if up + self._being_placed >= most:
            raise CannotPlaceError("full", f"all {most} calls are up", retry_after_s=5.0)

    def _take_slot(self, call_id: str, origin: str, by: str) -> None:
        full = self._admission.slots.take(origin, call_id, "outgoing")
        if full is not None:
            self._tell(
                edge_events.CallBlocked(
                    origin=full.trunk, rule=full.rule, limit=full.limit, by=by or None
                )
            )
            raise CannotPlaceError("trunk_full", str(full), retry_after_s=full.retry_after_s)

    def _tell_blocked(self, error: ForbiddenError, by: str) -> None:
        blocked = edge_events.CallBlocked(
            origin=error.trunk, rule=error.rule, cause=error.cause, by=by or None
        )
        self._tell(blocked)

    def _judged(self, request: PlaceRequest) -> tuple[CallFacts, PlaceRequest]:
        """The call's facts, and the request with all headers of the INVITE."""
        if fault := fault_of(request):
            raise CannotPlaceError("invalid", fault)
        try:
            placing.check_account(self._config, request.origin)
            check_target(request.to)
            route = self._route(request)
            out = outgoing(
                self._config,
                request.origin,
                request.to,
                id_uri=placing.id_uri(self._settings, request.origin),
                caller_id=request.caller_id,
                given=request.headers,
                of_route=route.headers_out if route else {},
            )
            peer = wiring.peer_of(self._config, request.origin, _LOCAL) if request.origin else ""
            uri = target_uri(out.to, peer)
            placing.check_uri(uri)
            placing.check_family(self._config, uri)
        except UriError as error:
            raise CannotPlaceError("invalid", f"`to` {error.what}: {error.fix}") from None
        except ForbiddenError as error:
            self._tell_blocked(error, request.by)
            raise CannotPlaceError("invalid", str(error)) from None
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        policy = routes.answering(self._config, route)
        if request.on_voicemail == "message" and not policy.leaves_one:
            words = "`on_voicemail`: the route has no voicemail_message and no voicemail_text"
            raise CannotPlaceError("invalid", words)
        call_id = new_call_id()
        facts = CallFacts(
            call_id=call_id,
            direction="outgoing",
            from_uri=out.from_uri,
            to_uri=uri,
            origin=request.origin,
            route=route.name if route else "",
            started_at=datetime.now(UTC),
            peer=peer or bracketed(host_of(uri)),
            metadata=dict(request.metadata),
            trace=wiring.trace(self._config, call_id),
            caller=out.caller,
            called=out.called,
        )
        return facts, replace(request, headers=out.headers)

    def _route(self, request: PlaceRequest) -> RouteSection | None:
        if request.route:
            return placing.route_named(self._config, request.route)
        form = parties.form_of_ours(parties.trunk_named(self._config, request.origin))
        asked = routes.Asked((parties.formatted(form, request.to),), "", request.origin)
        return routes.choose(self._config.routes, asked)


def _refused(asked: ReferAsked, status: int, reason: str) -> RefuseRefer:
    return RefuseRefer(asked.call_id, asked.leg_id, status, reason)
