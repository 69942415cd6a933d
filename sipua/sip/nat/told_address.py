"""Our address as a peer is told it, in Contact and SDP.

    the peer is in a network of `sip.networks`   what its entry says: an address, or our own one
    else                                         the public address: configured, or found by STUN
    there is none                                our own address on the way to the peer

So a phone of the LAN is not sent through the NAT, and a trunk outside not to an address of the LAN.
A table and not a guess: that a peer has a private address does not say on which side it is (behind
a proxy of Docker each peer has one).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sipua.rtp.hostport import join
from sipua.rtp.ports import family_of
from sipua.sip.wire.addresses import Listener, of_family, seen_by

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Towards:
    """The peers of these networks are told this address."""

    networks: tuple[Network, ...]
    address: str = ""
    """Empty: our own, on the way to the peer."""

    def covers(self, peer: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(peer in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class SetFoundAddress:
    """The address under which STUN has found us: that of calls and registrations from now on."""

    address: str


@dataclass(frozen=True, slots=True)
class SetTowards:
    """Which of our addresses the peers of some networks are told, from now on."""

    towards: tuple[Towards, ...]


class ToldAddress:
    """One edge's; it belongs to the pjsua2 thread."""

    def __init__(self, towards: Sequence[Towards], *, varies: bool) -> None:
        """`varies`: also without a table, as STUN finds it, or as we listen on several."""
        self.towards = tuple(towards)
        self._varies = varies
        self.found = ""
        """What STUN has found; empty: nothing yet."""

    @property
    def by_peer(self) -> bool:
        """Whether peers may be told different addresses, or others at different times. Where they
        are not, pjsip makes our Contact: from what its transports were given. It would say the
        first of our addresses to all by UDP, and by TCP never the public one.
        """
        return bool(self.towards) or self._varies

    def to(self, peer: str, bound: str, public: Sequence[str]) -> str:
        """`bound`: what our socket is bound to; `public`: the configured addresses, one of a family
        at most.
        """
        family = family_of(bound)
        entry = self._entry(peer)
        if entry is None:
            found = self.found if family == socket.AF_INET else ""
            return of_family(public, family) or found or seen_by(peer, bound)
        if entry.address and family_of(entry.address) == family:
            return entry.address
        return seen_by(peer, bound)

    def _entry(self, peer: str) -> Towards | None:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:  # a name that is not looked up yet: not known to be of any network
            return None
        return next((one for one in self.towards if one.covers(address)), None)


def contact(id_uri: str, host: str, port: int, transport: str) -> str:
    """Our Contact, for the user of `id_uri`."""
    scheme, _, rest = id_uri.partition(":")
    user, at, _ = rest.rpartition("@")
    suffix = "" if transport == "udp" else f";transport={transport}"
    return f"<{scheme}:{user}{at}{join(host, port)}{suffix}>"


def listener_for(
    listeners: Sequence[Listener], transport: str, family: socket.AddressFamily
) -> Listener | None:
    """Where a peer that we talk to by this transport can begin something with us."""
    for one in listeners:
        if one.transport == transport and family_of(one.address[0]) == family:
            return one
    return None
