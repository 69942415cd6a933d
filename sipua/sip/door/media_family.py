"""Which family the audio of a call has, IPv4 or IPv6: the caller's SDP decides, not its signalling.

A dual-stack phone may offer `c=IN IP6` in an INVITE that comes over IPv4. It gets an answer of the
same family when we have an address of it; else the offer cannot be met, and the INVITE is refused
before a port or an engine is spent on it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from sipua.rtp.ports import family_of
from sipua.sip.addresses import of_family, route_to, seen_by
from sipua.sip.door.admission import Refusal

NO_ROUTE = Refusal(
    488, "Not Acceptable Here", cause="there is no route to the address of the offer's audio"
)


def choose(
    offered: str,
    source: str,
    ours: Sequence[socket.AddressFamily],
    route: Callable[[str], str | None] = route_to,
) -> socket.AddressFamily | Refusal:
    """`offered`: the host of the SDP's audio, empty when the INVITE has none: then it is the
    family of the signalling, if we have it. An offer of a family that we have not is refused
    before (`offer.py`).
    """
    family = family_of(offered or source)
    if family not in ours:
        return ours[0]
    # Behind a NAT, which is a thing of IPv4's, the SDP's address need not be one that we can reach.
    natted = family == socket.AF_INET == family_of(source)
    return NO_ROUTE if offered and not natted and route(offered) is None else family


def host_towards(
    hosts: Sequence[str], family: socket.AddressFamily, signalling_ip: str, offered: str
) -> str:
    """Which of our hosts SDP names, as the peer sees it: from where its signalling comes, or from
    its audio where the families differ.
    """
    host = of_family(hosts, family)
    assert host is not None, "ports are reserved of families that have a host"
    peer = signalling_ip if family_of(signalling_ip) == family else offered
    return seen_by(peer, host)
