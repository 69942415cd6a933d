"""A second leg of a call, as the trunks that it may go out by want it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sipua.bridge.fault_owner import nothing
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.values.uri import UriError, is_number
from sipua.edge.placing import placing
from sipua.edge.placing.outgoing import ForbiddenError, outgoing
from sipua.edge.placing.placing import RequestError
from sipua.edge.wiring import outbound_routes, wiring
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import AnotherWay, PlaceCall
from sipua.sip.parties.outbound import choose
from sipua.sip.settings import SipSettings

_LOCAL = ("", 0)


@dataclass(frozen=True, slots=True)
class ReadyLeg:
    invite: PlaceCall
    """Its port is reserved."""
    not_sent: Callable[[], None] = nothing
    """To be called when the INVITE is given up before signalling has it."""


MakeLeg: TypeAlias = Callable[[PlaceLeg], Awaitable[ReadyLeg]]
"""Raises NoPortsLeft, CannotPlaceError."""


def ways_of(
    config: Config, settings: SipSettings, order: PlaceLeg, peer: str, rng: random.Random
) -> list[AnotherWay]:
    """`peer`: where the call stands its numbers without a host. A number goes out by the leg's
    account, or by the trunks of `[[outbound_routes]]`, and is one at that account, in its form.
    The rules of a trunk hold for a transfer, too. Raises RequestError, ForbiddenError.
    """
    number = _number_at(peer, order.target)
    accounts: tuple[str, ...] = (order.account,)
    if number and not order.account:
        choice = choose(outbound_routes.rules(config), number, rng)
        accounts = tuple(one.trunk for one in choice.carriers) if choice else accounts
    found, forbidden = [], []
    for account in accounts:
        try:
            found.append(_way(config, settings, order, account, number))
        except ForbiddenError as error:
            forbidden.append(error)
    if not found:
        raise forbidden[0]
    return found


def _way(
    config: Config, settings: SipSettings, order: PlaceLeg, account: str, number: str
) -> AnotherWay:
    id_uri = placing.id_uri(settings, account)
    to = number if account and number else order.target
    sign = placing.sign(settings, account)
    out = outgoing(config, account, to, id_uri=id_uri, sign=sign, given={}, of_route=order.headers)
    home = wiring.peer_of(config, account, _LOCAL) if account else ""
    try:
        return AnotherWay(account, target_uri(out.to, home), out.headers)
    except UriError as error:
        raise RequestError(f"{order.target} {error.what}") from None


def _number_at(peer: str, target: str) -> str:
    """The number that this is, or that has become this URI (`target_uri`); empty: it is none."""
    if is_number(target):
        return target.removeprefix("tel:")
    user, _, host = target.removeprefix("sip:").partition("@")
    number = user.replace("%23", "#")
    return number if peer and host == peer and is_number(number) else ""


def invite(order: PlaceLeg, ways: Sequence[AnotherWay], local: ReservedPort) -> PlaceCall:
    first, *others = ways
    return PlaceCall(order.leg_id, first.target, local, first.account, first.headers, tuple(others))
