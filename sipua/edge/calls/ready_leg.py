"""A second leg of a call, as the trunk that it goes out by wants it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sipua.bridge.fault_owner import nothing
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.values.uri import UriError
from sipua.edge.calls import placing
from sipua.edge.calls.outgoing import Outgoing, outgoing
from sipua.edge.calls.placing import RequestError
from sipua.edge.wiring import wiring
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import PlaceCall
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


def out_of(config: Config, settings: SipSettings, order: PlaceLeg) -> Outgoing:
    """The rules of its trunk hold for a transfer, too. Raises RequestError, ForbiddenError."""
    id_uri = placing.id_uri(settings, order.account)
    out = outgoing(config, order.account, order.target, id_uri=id_uri, given={}, of_route={})
    peer = wiring.peer_of(config, order.account, _LOCAL) if order.account else ""
    try:
        return replace(out, to=target_uri(out.to, peer))
    except UriError as error:
        raise RequestError(f"{order.target} {error.what}") from None


def invite(order: PlaceLeg, out: Outgoing, local: ReservedPort) -> PlaceCall:
    return PlaceCall(order.leg_id, out.to, local, order.account, out.headers)
