"""The family of a call's audio, IPv4 or IPv6: the caller's SDP decides, not its signalling.

A dual-stack phone may offer `c=IN IP6` in an INVITE that comes over IPv4. It gets an answer of the
same family when we have such an address; else the offer cannot be met, and the INVITE is refused
before a port or an engine is spent on it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from sipua.rtp.ports import family_of
from sipua.sip.admission.admission import Refusal
from sipua.sip.wire.addresses import route_to

NO_ROUTE = Refusal(
    488, "Not Acceptable Here", cause="there is no route to the address of the offer's audio"
)


def choose(
    offered: str,
    source: str,
    own_families: Sequence[socket.AddressFamily],
    route: Callable[[str], str | None] = route_to,
) -> socket.AddressFamily | Refusal:
    """`offered`: the host of the SDP's audio; empty: the INVITE has no SDP, and the family of the
    signalling is taken if we have it. An offer of a family that we do not have is refused before
    (`offer.py`).
    """
    family = family_of(offered or source)
    if family not in own_families:
        return own_families[0]
    # Behind a NAT, which only IPv4 has, the SDP's address need not be one that we can reach.
    natted = family == socket.AF_INET == family_of(source)
    return NO_ROUTE if offered and not natted and route(offered) is None else family


def seen_from(family: socket.AddressFamily, signalling_ip: str, offered: str) -> str:
    """Where the peer is, for the choice of our host in SDP: the source of its signalling, or its
    audio where the families differ.
    """
    return signalling_ip if family_of(signalling_ip) == family else offered
