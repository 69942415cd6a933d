"""A second leg of a call, as the trunk that it goes out by wants it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from sipua.bridge.fault_owner import nothing
from sipua.calls.legs.orders import PlaceLeg
from sipua.config import Config
from sipua.edge.calls import placing
from sipua.edge.calls.outgoing import Outgoing, outgoing
from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import PlaceCall
from sipua.sip.settings import SipSettings


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
    headers = order.headers
    return outgoing(config, order.account, order.target, id_uri=id_uri, given={}, of_route=headers)


def invite(order: PlaceLeg, out: Outgoing, local: ReservedPort) -> PlaceCall:
    return PlaceCall(order.leg_id, out.to, local, order.account, out.headers)
