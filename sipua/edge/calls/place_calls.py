"""Calls that a running edge places, because an operator or a program wants them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.place_request import CannotPlaceError, NotPlaced, PlaceRequest, fault_of
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.sections.routes import RouteSection
from sipua.config.values.uri import UriError, check_target, is_number
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.placing import follow_refer, not_called, placing
from sipua.edge.placing.number_pools import NumberPools, PoolError
from sipua.edge.placing.outgoing import ForbiddenError, called_by, outgoing
from sipua.edge.placing.placing import RequestError
from sipua.edge.placing.ready_leg import ReadyLeg, invite, ways_of
from sipua.edge.wiring import outbound_routes, parties, wiring
from sipua.edge.workers.workers import WorkersError
from sipua.events import edge_events
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.record.transcript_redaction import number
from sipua.rtp.hostport import bracketed
from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import AnotherWay, SipEvent, new_call_id
from sipua.sip.parties.number_pool import Exhausted
from sipua.sip.parties.outbound import choose
from sipua.sip.pj.agent import SipAgent
from sipua.sip.settings import SipSettings
from sipua.sip.wire.addresses import host_of
from sipua.sip.wire.refer_messages import FollowRefer, ReferAsked, RefuseRefer
from sipua.worker.link.coding import LinkError

_LOCAL = ("", 0)
FORBIDDEN, NO_ROOM, INTERNAL_ERROR = 403, 503, 500


@dataclass(frozen=True, slots=True)
class _Way:
    """The call by one trunk."""

    facts: CallFacts
    request: PlaceRequest
    """With all headers of the INVITE."""
    asked: PlaceRequest
    """As it was before."""


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
        events: EventStream,
    ) -> None:
        self._pools = NumberPools(config, events)
        self.use(config, settings)
        self._calls = calls
        self._ports = ports
        self._sip = sip
        self._admission = admission
        self._tell = events.teller().tell
        self._being_placed = 0
        self._rng = random.Random()  # noqa: S311 (a draw among trunks)

    def use(self, config: Config, settings: SipSettings) -> None:
        self._config = config
        self._settings = settings
        self._pools.use(config)

    async def stop(self) -> None:
        await self._pools.stop()

    async def place(self, request: PlaceRequest) -> str:
        """The call's id; its events tell the rest. Raises CannotPlaceError."""
        ways = self._ways(request)
        called = {way.facts.called: way.facts.origin for way in ways}
        await self._check_list(called, request.by)
        if self._admission.draining:
            raise CannotPlaceError("draining", "the edge is draining: it begins no calls")
        self._check_room()
        ways = ways[self._first_with_room([one.request.origin for one in ways]) :]
        call_id = ways[0].facts.call_id
        self._take_slot(call_id, ways[0].request.origin, request.by)
        with ExitStack() as held:
            held.callback(self._admission.slots.give_back, call_id)
            held.callback(self._pools.give_back, call_id)
            held.callback(self._calls.queues.over, call_id)
            self._take_engine(ways[0].facts)
            self._being_placed += 1
            try:
                await self._place(await self._with_numbers(ways))
            finally:
                self._being_placed -= 1
            held.pop_all()  # from here on the end of the call does it
        return call_id

    async def _with_numbers(self, ways: list[_Way]) -> list[_Way]:
        """Those by trunks with a pool show a number of it; without one that is free they are left
        out."""
        found: list[_Way] = []
        full: list[tuple[str, Exhausted]] = []
        for way in ways:
            request, call_id = way.request, way.facts.call_id
            if way.asked.caller_id or not self._pools.has(request.origin):
                found.append(way)
                continue
            try:
                number = await self._pools.take(call_id, request.origin, way.facts.called)
            except PoolError as error:
                raise CannotPlaceError("failed", f"number_pool: {error}") from None
            if isinstance(number, Exhausted):
                full.append((request.origin, number))
            else:
                found.append(self._way(call_id, way.asked, of_pool=number))
        if not found:
            trunk, why = full[0]
            by = ways[0].asked.by or None
            self._tell(edge_events.CallBlocked(origin=trunk, rule=why.rule, cause=why.cause, by=by))
            raise CannotPlaceError(
                "trunk_full", why.cause, retry_after_s=why.retry_after_s, rule=why.rule
            )
        return found

    async def _place(self, ways: list[_Way]) -> None:
        facts, request = ways[0].facts, ways[0].request
        others = tuple(
            AnotherWay(one.facts.origin, one.facts.to_uri, dict(one.request.headers))
            for one in ways[1:]
        )
        try:
            first_hop = placing.first_hop(self._settings, request.origin, facts.to_uri)
            local = await placing.reserve(self._ports, self._sip, first_hop)
        except NoPortsLeft as error:
            raise CannotPlaceError("no_port", str(error), retry_after_s=1.0) from None
        try:
            self._calls.place(facts, local, request, others)
        except WorkersError as error:
            raise CannotPlaceError("no_worker", str(error), retry_after_s=1.0) from None
        except LinkError as error:
            raise CannotPlaceError("failed", str(error)) from None

    async def second_leg(self, order: PlaceLeg) -> ReadyLeg:
        """Of a call that is up, which may still be transferred while the edge drains. Raises
        NoPortsLeft, CannotPlaceError."""
        self._check_room(counted=1)
        try:
            peer = self._calls.peer_of(order.call_id)
            ways = ways_of(self._config, self._settings, order, peer, self._rng)
        except ForbiddenError as error:
            self._tell_blocked(error, "")
            raise CannotPlaceError("invalid", str(error)) from None
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        if "legs" in self._config.outbound.do_not_call_also:
            called = {self._called(one.account, order.target): one.account for one in ways}
            await self._check_list(called, "")
        ways = ways[self._first_with_room([one.account for one in ways]) :]
        self._take_slot(order.leg_id, ways[0].account, "")
        not_sent = partial(self._admission.slots.give_back, order.leg_id)
        with ExitStack() as held:
            held.callback(not_sent)
            hop = placing.first_hop(self._settings, ways[0].account, ways[0].target)
            local = await placing.reserve(self._ports, self._sip, hop)
            held.pop_all()
        return ReadyLeg(invite(order, ways, local), not_sent)

    def busy(self, origin: str) -> bool:
        """Whether a call by this trunk or account would find no room now."""
        if self._admission.draining:
            return True
        return not self._has_room() or self._admission.slots.full(origin, "outgoing") is not None

    def _called(self, origin: str, to: str) -> str:
        return called_by(parties.trunk_named(self._config, origin), to)

    async def _check_list(self, called: Mapping[str, str], by: str) -> None:
        """`called`: the number, and by which trunk: each may write it in another form. Raises
        CannotPlaceError."""
        for number_, origin in called.items():
            try:
                await asyncio.to_thread(not_called.check, self._config, number_, origin)
            except ForbiddenError as error:
                self._tell_blocked(error, by, number_)
                unreadable = isinstance(error, not_called.UnreadableError)
                kind: NotPlaced = "list_unreadable" if unreadable else "blocked"
                raise CannotPlaceError(kind, str(error), rule=error.rule) from None

    def follows(self, event: SipEvent) -> bool:
        """Whether it is a REFER of a peer, which then is answered: its target may be called, or
        not."""
        if not isinstance(event, ReferAsked):
            return False
        if "referred" in self._config.outbound.do_not_call_also:
            faults = FaultOwner().harmless("call.failed")
            faults.task(self._follow_unlisted(event), "following a REFER")
        else:
            self._sip.send(self._followed(event))
        return True

    async def _follow_unlisted(self, asked: ReferAsked) -> None:
        """Behind a look into the list, which may wait for a disk."""
        try:
            await self._check_list({self._called(asked.origin, asked.target): asked.origin}, "")
        except CannotPlaceError as error:
            status = NO_ROOM if error.kind == "list_unreadable" else FORBIDDEN
            answer: FollowRefer | RefuseRefer = _refused(asked, status, str(error))
        except Exception:
            self._sip.send(_refused(asked, INTERNAL_ERROR, "internal error"))
            raise
        else:
            answer = self._followed(asked)
        self._sip.send(answer)

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
        if not self._has_room(counted):
            words = f"all {self._admission.max_calls} calls are up"
            raise CannotPlaceError("full", words, retry_after_s=5.0)

    def _take_engine(self, facts: CallFacts) -> None:
        if engine := self._calls.queues.begin(facts):
            words = f"engine {engine}: its max_calls are up"
            raise CannotPlaceError("full", words, retry_after_s=5.0, rule="engine.max_calls")

    def _has_room(self, counted: int = 0) -> bool:
        up = len(self._calls) + len(self._calls.legs) - counted
        return up + self._being_placed < self._admission.max_calls

    def _first_with_room(self, trunks: Sequence[str]) -> int:
        """Where none has room, the last."""
        slots = self._admission.slots
        roomy = (n for n, trunk in enumerate(trunks) if not slots.full(trunk, "outgoing"))
        return next(roomy, len(trunks) - 1)

    def _take_slot(self, call_id: str, origin: str, by: str) -> None:
        full = self._admission.slots.take(origin, call_id, "outgoing")
        if full is not None:
            self._tell(
                edge_events.CallBlocked(
                    origin=full.trunk, rule=full.rule, limit=full.limit, by=by or None
                )
            )
            raise CannotPlaceError("trunk_full", str(full), retry_after_s=full.retry_after_s)

    def _tell_blocked(self, error: ForbiddenError, by: str, called: str = "") -> None:
        blocked = edge_events.CallBlocked(
            origin=error.trunk,
            rule=error.rule,
            cause=error.cause,
            by=by or None,
            number=number(called, self._config.record.numbers) or None,
        )
        self._tell(blocked)

    def _ways(self, request: PlaceRequest) -> list[_Way]:
        """How the call may go out, the best way first. Those that a rule of their trunk forbids are
        left out, as long as there is another one."""
        if fault := fault_of(request):
            raise CannotPlaceError("invalid", fault)
        call_id, found, errors = new_call_id(), [], []
        for origin in self._origins(request):
            try:
                found.append(self._way(call_id, replace(request, origin=origin)))
            except ForbiddenError as error:
                errors.append(error)
        if not found:
            self._tell_blocked(errors[0], request.by)
            raise CannotPlaceError("invalid", str(errors[0]), rule=errors[0].rule)
        return found

    def _origins(self, request: PlaceRequest) -> tuple[str, ...]:
        """The trunks that the call may go out by, in the order of `[[outbound_routes]]`."""
        if request.origin or not self._config.outbound_routes or not is_number(request.to):
            return (request.origin,)
        number = request.to.removeprefix("tel:")
        choice = choose(outbound_routes.rules(self._config), number, self._rng)
        if choice is None:
            words = f"no rule of [[outbound_routes]] fits {number}: name an `origin`"
            raise CannotPlaceError("invalid", words)
        return tuple(one.trunk for one in choice.carriers)

    def _way(self, call_id: str, request: PlaceRequest, of_pool: str = "") -> _Way:
        """Raises ForbiddenError, CannotPlaceError."""
        try:
            placing.check_account(self._config, request.origin)
            check_target(request.to)
            route = self._route(request)
            out = outgoing(
                self._config,
                request.origin,
                request.to,
                id_uri=placing.id_uri(self._settings, request.origin),
                sign=placing.sign(self._settings, request.origin),
                caller_id=request.caller_id,
                of_pool=of_pool,
                given=request.headers,
                of_route=route.headers_out if route else {},
            )
            peer = wiring.peer_of(self._config, request.origin, _LOCAL) if request.origin else ""
            uri = target_uri(out.to, peer)
            placing.check_uri(uri)
            placing.check_family(self._config, uri)
        except UriError as error:
            raise CannotPlaceError("invalid", f"`to` {error.what}: {error.fix}") from None
        except ForbiddenError:
            raise
        except RequestError as error:
            raise CannotPlaceError("invalid", str(error)) from None
        policy = routes.answering(self._config, route)
        if request.on_voicemail == "message" and not policy.leaves_one:
            words = "`on_voicemail`: the route has no voicemail_message and no voicemail_text"
            raise CannotPlaceError("invalid", words)
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
        return _Way(facts, replace(request, headers=out.headers), request)

    def _route(self, request: PlaceRequest) -> RouteSection | None:
        if request.route:
            return placing.route_named(self._config, request.route)
        form = parties.form_of_ours(parties.trunk_named(self._config, request.origin))
        asked = routes.Asked((parties.formatted(form, request.to),), "", request.origin)
        return routes.choose(self._config.routes, asked)


def _refused(asked: ReferAsked, status: int, reason: str) -> RefuseRefer:
    return RefuseRefer(asked.call_id, asked.leg_id, status, reason)
