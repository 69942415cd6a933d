"""Addresses as SIP and pjsip write them, and our own address towards a peer."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from sipua.rtp.events import Address
from sipua.rtp.hostport import bracketed, is_address, join, split
from sipua.rtp.ports import family_of

_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only compared, never put into SDP)
# Addresses of documentation: only the route to them is looked up, nothing is sent.
_ROUTED_ANYWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that signalling listens on."""

    transport: str
    address: Address


def of_family(hosts: Iterable[str], family: socket.AddressFamily) -> str | None:
    """The first host of that family."""
    return next((host for host in hosts if family_of(host) == family), None)


def address(text: str) -> Address:
    """An address as pjsip writes it; an empty text is none. Raises ValueError for anything else."""
    host, port = split(text) if text else ("", 0)
    return host, port or 0


def route_to(peer: str) -> str | None:
    """Our address on the way to the peer; None: there is no route. Connecting a UDP socket looks it
    up in the routing table. A name is not resolved for it: that is done elsewhere.
    """
    if not is_address(peer):
        return None
    family = family_of(peer)
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if family == socket.AF_INET6:  # ::ffff:192.0.2.1 is no way for IPv6 packets
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.connect((peer, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def facing(peer: str, family: socket.AddressFamily) -> str:
    """Our address of that family that the peer can most likely reach."""
    found = route_to(peer) if family_of(peer) == family else None
    return found or route_to(_ROUTED_ANYWHERE[family]) or _LOOPBACK[family]


def seen_by(peer: str, host: str) -> str:
    """Our address as the peer sees it when we are bound to `host`."""
    return facing(peer, family_of(host)) if is_any(host) else host


def is_any(host: str) -> bool:
    """Whether it stands for all addresses of its family."""
    return host in _ANY_ADDRESS


def host_of(uri: str) -> str:
    """The host in a SIP URI, or in a header that holds one; empty when there is none."""
    return server_of(uri)[0]


def server_of(uri: str) -> Address:
    """The host in a SIP URI with its port, 0 where there is none."""
    inside = uri.partition("<")[2].partition(">")[0] or uri
    host_port = inside.partition(":")[2].rpartition("@")[2]
    try:
        host, port = split(host_port.partition(";")[0].partition("?")[0].strip())
    except ValueError:
        return "", 0
    return host, port or 0


def at_server(uri: str, server: str) -> str:
    """The same user at the host and port of another server; by `sips:` where that has it."""
    user, at, rest = uri.rpartition("@")
    begin = user if at else uri.partition(":")[0]
    if server.lower().startswith("sips:") and begin.lower().startswith("sip:"):
        begin = f"sips{begin[3:]}"
    ends = [place for place in (rest.find(";"), rest.find("?")) if place >= 0]
    tail = rest[min(ends) :] if ends else ""
    host, port = server_of(server)
    there = join(host, port) if port else bracketed(host)
    return f"{begin}{'@' if at else ':'}{there}{tail}"


def in_brackets(uri: str) -> str:
    """A URI as a header holds it. Raises ValueError when it would end the brackets or the line."""
    if not uri or any(char in "<>" or not "!" <= char <= "~" for char in uri):
        raise ValueError(f"{uri!r} cannot stand in a header")
    return f"<{uri}>"
