"""Calls that we place: the server that each goes to, and the next one when that does not take it.

    PlaceCall ──▶ servers of the trunk, in order ──▶ its address ──▶ INVITE ──▶ the call
                        ▲                                              │
                        └── AttemptFailed ◀── no answer, closed, 503 ◀─┘

A call that may go out by several trunks tries the servers of the first, then those of the next. It
keeps its id and its port; each attempt is another INVITE. pjsua2 thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from sipua.rtp.events import Address
from sipua.rtp.hostport import is_address, join
from sipua.rtp.ports import family_of
from sipua.sip import registration
from sipua.sip.dns.names import Name, NotFound, Outcome, Target, default_port, transport_of
from sipua.sip.errors import reason_of
from sipua.sip.messages import (
    AnotherWay,
    AttemptFailed,
    CallEnded,
    CallInvited,
    EndedBy,
    PlaceCall,
)
from sipua.sip.peer_news import ServerNews
from sipua.sip.pj.account import PjAccount
from sipua.sip.pj.accounts import LOCAL_ACCOUNT
from sipua.sip.pj.call import CallOwner, PjCall
from sipua.sip.pj.native.resolver import PjResolver
from sipua.sip.pj.native.supported import without_reliable_ringing
from sipua.sip.pj.params import call_params
from sipua.sip.pj.placed_call import AttemptEnd, PlacedCall
from sipua.sip.settings import AccountSettings
from sipua.sip.state import CallState
from sipua.sip.trunks.closed_port import CHECK_AFTER_S, ClosedPort
from sipua.sip.trunks.failover import may_try_next, takes_no_calls
from sipua.sip.trunks.servers import TrunkServers
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import at_server, server_of

LAST_WITHIN_S = 8.0
"""The last server gets longer: there is nothing to gain by leaving it."""
MOST_ATTEMPTS = 8
"""Of one call, with the addresses that the names of servers stand for."""
UNAVAILABLE, REQUEST_TIMEOUT, NOT_RESOLVED = 503, 408, 502


class PlaceOwner(CallOwner, Protocol):
    """What placing needs of the endpoint."""

    def account(self, name: str) -> PjAccount | None: ...

    def move_slot(self, call_id: str, trunk: str) -> str:
        """The call goes out by this trunk now. Why it may not; empty: it may."""

    def facing(self, account: PjAccount, peer: str, transport: str) -> PjAccount:
        """The one with the Contact that this peer is told."""

    def way(self, account: str) -> list[AccountSettings]:
        """The servers of an account, the best one first; empty: there is no such account."""


@dataclass(frozen=True, slots=True)
class _Hop:
    """A server that the call may go to, and the call as its trunk wants it."""

    server: AccountSettings
    account: str
    """The trunk or account; empty: none."""
    target: str
    headers: dict[str, str]
    homes: frozenset[Address] = frozenset()
    """All servers of the trunk, or of an account that has several."""

    @property
    def shown(self) -> str:
        """For people."""
        return (self.server.home if self.homes else self.server.proxy) or self.target


@dataclass(slots=True, eq=False)
class _Placing:
    order: PlaceCall
    way: list[_Hop]
    """Those that are left, the present one first."""
    attempt: int = 0
    target: Target | None = None
    """Where the present INVITE goes."""
    servers: set[str] = field(default_factory=set)
    """The addresses of its server, and of the others of its trunk."""
    tried: set[tuple[str, Target]] = field(default_factory=set)
    """By account."""
    more_here: bool = False
    """The present server's name stands for addresses that were not tried."""
    failures: list[str] = field(default_factory=list)

    @property
    def server(self) -> AccountSettings:
        return self.way[0].server

    @property
    def goes_on(self) -> bool:
        """Whether there is another server, or address, to try."""
        return (self.more_here or len(self.way) > 1) and self.attempt < MOST_ATTEMPTS


class Placer:
    def __init__(
        self,
        owner: PlaceOwner,
        calls: dict[str, PjCall],
        servers: TrunkServers,
        names: PjResolver,
        resolve: Callable[[Name, Callable[[Outcome], None]], Outcome | None],
    ) -> None:
        """`calls`: the endpoint's."""
        self._owner = owner
        self._calls = calls
        self._servers = servers
        self._names = names
        self._resolve = resolve
        self._waiting: dict[str, _Placing] = {}
        """No INVITE is under way: a name is being looked up, or the next attempt begins."""
        self._under_way: dict[str, _Placing] = {}

    def place(self, order: PlaceCall) -> None:
        first = AnotherWay(order.account, order.target, order.headers)
        way = [hop for one in (first, *order.others) for hop in self._hops(one)]
        if not way:
            reason = f"no account {order.account}"
            self._owner.emit(CallEnded(order.call_id, EndedBy.US, 404, reason))
            return
        now = time.monotonic()
        way.sort(key=lambda hop: self._servers.left_out(hop.server.name, now))
        self._begin(_Placing(order, way))

    def _hops(self, way: AnotherWay) -> list[_Hop]:
        name = way.account
        servers = self._servers.order(name, time.monotonic()) if name else []
        servers = servers or self._owner.way(name or LOCAL_ACCOUNT)
        several = len(servers) > 1
        homes = frozenset(server_of(one.home) for one in servers if one.trunk or several)
        return [_Hop(one, name, way.target, way.headers, homes) for one in servers]

    def withdraw(self, call_id: str) -> bool:
        """It is hung up while no INVITE is under way; False: it is not so."""
        if self._waiting.pop(call_id, None) is None:
            return False
        self._owner.emit(CallEnded(call_id, EndedBy.US, 487, "Request Terminated"))
        return True

    def close(self) -> None:
        self._waiting.clear()

    def forget(self, call_id: str) -> None:
        """The call is over, or answered for good."""
        self._under_way.pop(call_id, None)

    def place_again(self, call: PjCall, source: str, challenge: str) -> bool:
        """Repeat an INVITE that was challenged before its account knew the realm; at most once."""
        placing = self._under_way.get(call.call_id)
        if placing is None or not call.account.learn_from(source, challenge):
            return False
        self._owner.forget(call)
        self._begin(placing)
        return True

    # --- one attempt ----------------------------------------------------------------------

    def _begin(self, placing: _Placing) -> None:
        """The server, and our address towards it, must be known before the offer is made."""
        placing.target, placing.more_here = None, False
        hop = placing.way[0]
        placing.servers = {host for host, _ in hop.homes if is_address(host)}
        if hop.account and (full := self._owner.move_slot(placing.order.call_id, hop.account)):
            others = (one for one in placing.way if one.account != hop.account)
            placing.way = [hop, *others]  # its other servers are of the same trunk
            self._not_sent(placing, EndedBy.US, UNAVAILABLE, full)
            return
        first_hop = placing.server.first_hop or self._request_uri(placing)
        host, port = server_of(first_hop)
        transport = transport_of(first_hop)
        otherwise = port or default_port(transport)
        if is_address(host):
            self._invite(placing, Target(host, otherwise, transport or "udp"))
            return
        self._waiting[placing.order.call_id] = placing

        def found(outcome: Outcome) -> None:
            if self._waiting.get(placing.order.call_id) is not placing:
                return  # hung up meanwhile
            del self._waiting[placing.order.call_id]
            if isinstance(outcome, NotFound):
                reason = f"{host}: {outcome.cause}"
                self._not_sent(placing, EndedBy.NETWORK, NOT_RESOLVED, reason)
                return
            placing.servers.update(outcome.every_address)
            family = placing.order.local.family
            usable = [
                one
                for one in self._names.ranked(outcome, port, transport)
                if family_of(one.address) == family
            ]
            name = placing.server.name
            untried = [one for one in usable if (name, one) not in placing.tried] or usable
            placing.more_here = len(untried) > 1
            unusable = Target(outcome.every_address[0], otherwise, transport or "udp")
            self._invite(placing, untried[0] if untried else unusable)

        outcome = self._resolve(Name(host.lower(), services=not port), found)
        if outcome is not None:
            found(outcome)

    def _invite(self, placing: _Placing, target: Target) -> None:
        order, server = placing.order, placing.server
        account = self._owner.account(server.name)
        if account is None:  # a reload has taken it away
            self._not_sent(placing, EndedBy.US, 404, f"no account {server.name}")
            return
        account = self._owner.facing(account, target.address, target.transport)
        placing.attempt += 1
        placing.target = target
        placing.tried.add((server.name, target))
        self._under_way[order.call_id] = placing
        try:
            at, servers = target.address, placing.servers
            call = PlacedCall(self._owner, account, self, order, at, servers=servers)
        except Exception as error:  # noqa: BLE001 (its caller waits for the end of the call)
            self.forget(order.call_id)
            self._owner.emit(CallEnded(order.call_id, EndedBy.US, 500, reason_of(error)))
            return
        self._calls[order.call_id] = call
        hop = placing.way[0]
        offers = without_reliable_ringing() if server.prack == "off" else nullcontext()
        try:
            with offers:
                call.makeCall(self._request_uri(placing), call_params(headers=hop.headers))
        except Exception as error:  # noqa: BLE001 (as above; pjsip may have reported it already)
            call.close(EndedBy.US, 500, reason_of(error))
            return
        if self._calls.get(order.call_id) is call:  # it has not failed at once
            sip_call_id = texts.line(str(call.getInfo().callIdString))
            shown = server.home if hop.homes else ""
            self._owner.emit(CallInvited(order.call_id, sip_call_id, shown, hop.account))
        if target.transport == "udp":
            self._watch_port(placing, (target.address, target.port))
        self._watch_silence(placing)

    def _request_uri(self, placing: _Placing) -> str:
        """A number at one of the servers is one at the server that is asked."""
        hop = placing.way[0]
        there = server_of(hop.target) in hop.homes
        return at_server(hop.target, hop.server.home) if there else hop.target

    def _present(self, placing: _Placing, attempt: int) -> PlacedCall | None:
        """The call of this attempt, while nothing has been heard of it."""
        call = self._calls.get(placing.order.call_id)
        same = self._under_way.get(placing.order.call_id) is placing and placing.attempt == attempt
        if not same or not isinstance(call, PlacedCall) or call.heard:
            return None
        return call if call.state is CallState.CALLING else None

    def _watch_silence(self, placing: _Placing) -> None:
        attempt, server = placing.attempt, placing.server
        if placing.goes_on:
            within_s = server.answer_within_s
        elif placing.failures:
            within_s = max(server.answer_within_s, LAST_WITHIN_S)
        else:
            return  # there is no other one: pjsip waits, 32 s

        def check() -> None:
            if call := self._present(placing, attempt):
                call.give_up(REQUEST_TIMEOUT, f"no answer within {within_s:g} s")

        self._owner.after(within_s, check)

    def _watch_port(self, placing: _Placing, server: tuple[str, int]) -> None:
        """End an attempt at a closed port at once, not after seconds of silence."""
        port = ClosedPort(*server)
        attempt, delays = placing.attempt, iter(CHECK_AFTER_S)

        def check() -> None:
            call = self._present(placing, attempt)
            if call is not None and port.refused():
                closed = f"{join(*server)} is closed: no SIP server listens there by UDP"
                call.give_up(UNAVAILABLE, closed)
                call = None
            following = next(delays, None) if call is not None else None
            if following is None:
                port.close()
            else:
                self._owner.after(following, check)

        self._owner.after(next(delays), check)

    # --- its end --------------------------------------------------------------------------

    def heard(self, call: PlacedCall) -> None:
        """See `AttemptOwner`."""
        placing = self._under_way.get(call.call_id)
        if placing is not None:
            note = self._servers.took if call.rang else self._servers.answered
            self._tell(note(placing.server.name, time.monotonic()))

    def attempt_over(self, call: PlacedCall, end: AttemptEnd) -> AttemptEnd | None:
        """See `AttemptOwner`."""
        placing = self._under_way.get(call.call_id)
        if placing is None or self._calls.get(call.call_id) is not call:
            return end
        told = self._judge(placing, end)
        if told is None:
            self._owner.forget(call)
            self._go_on(placing)
        return told

    def _not_sent(self, placing: _Placing, by: EndedBy, status: int, reason: str) -> None:
        """The attempt has ended before there was a call of pjsip's."""
        placing.attempt += 1
        told = self._judge(placing, AttemptEnd(by, status, reason))
        if told is None:
            self._go_on(placing)
        else:
            self._owner.emit(CallEnded(placing.order.call_id, told.by, told.status, told.reason))

    def _judge(self, placing: _Placing, end: AttemptEnd) -> AttemptEnd | None:
        """None: another attempt follows; else what is told as the end of the call."""
        header = texts.header(end.message, "Reason") or ""
        of_server = not end.rang and (not end.message or may_try_next(end.status, header))
        if not of_server:
            self._tell(self._servers.took(placing.server.name, time.monotonic()))
            return end
        said = f"{end.status} {end.reason}" if end.message else end.reason
        if end.by is not EndedBy.US:  # else we have not asked it
            self._note(placing, end, said)
        placing.failures.append(f"{placing.way[0].shown}: {said}")
        if placing.goes_on:
            self._say_failed(placing, end)
            return None
        if len(placing.failures) > 1 and (placing.way[0].homes or placing.order.others):
            whose = "any trunk"
            if not placing.order.others:
                whose = f"{'trunk' if placing.server.trunk else 'account'} {placing.server.peer}"
            reason = f"no server of {whose} took the call: {'; '.join(placing.failures)}"
            return AttemptEnd(EndedBy.NETWORK, end.status, reason[: texts.LONGEST])
        return end

    def _note(self, placing: _Placing, end: AttemptEnd, said: str) -> None:
        """Leave out what has failed, for a while."""
        now, name = time.monotonic(), placing.server.name
        value = texts.header(end.message, "Retry-After")
        retry_after_s = registration.parse_retry_after(value)
        refuses = not end.message or takes_no_calls(end.status)
        if refuses and placing.target is not None:
            rest_s = placing.server.rest_s if retry_after_s is None else retry_after_s
            self._names.leave_out(placing.target, now + rest_s)
        if refuses and placing.more_here:
            return  # another of its addresses may do better
        if not end.message:
            self._tell(self._servers.silent(name, said, now))
        elif refuses:
            self._tell(self._servers.refused(name, said, now, retry_after_s))
        else:
            self._tell(self._servers.failed_a_call(name, said, now))

    def _say_failed(self, placing: _Placing, end: AttemptEnd) -> None:
        failed = placing.way[0].shown
        if not placing.more_here:
            placing.way.pop(0)
        following = placing.way[0].shown
        self._owner.emit(
            AttemptFailed(placing.order.call_id, failed, end.status, end.reason, following)
        )

    def _go_on(self, placing: _Placing) -> None:
        """Not from inside a callback of the call that has failed."""
        self.forget(placing.order.call_id)
        self._waiting[placing.order.call_id] = placing

        def begin() -> None:
            if self._waiting.get(placing.order.call_id) is placing:
                del self._waiting[placing.order.call_id]
                self._begin(placing)

        self._owner.after(0.0, begin)

    def _tell(self, news: ServerNews | None) -> None:
        if news is not None:
            self._owner.emit(news)
