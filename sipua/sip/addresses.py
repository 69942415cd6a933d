"""Addresses as SIP and pjsip write them, and which of ours faces a peer."""

from __future__ import annotations

import socket

from sipua.sip.messages import Address

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (compared, and never put into SDP)
_ROUTED_ANYWHERE = "192.0.2.1"  # TEST-NET-1: only the route is looked up, nothing is sent


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def facing(peer: str) -> str:
    """Our address on the way to the peer. Connecting a UDP socket asks the routing table."""
    for host in (peer, _ROUTED_ANYWHERE):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((host, 9))
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return "127.0.0.1"


def seen_by(peer: str, host: str) -> str:
    """What we are to the peer when `host` is what we are bound to."""
    return facing(peer) if host == ANY_ADDRESS else host


def host_of(uri: str) -> str:
    """The host of a SIP URI that we were told to call."""
    address = uri.partition("<")[2].partition(">")[0] or uri
    host_port = address.partition(":")[2].rpartition("@")[2]
    return host_port.partition(";")[0].partition("?")[0].partition(":")[0]


def in_brackets(uri: str) -> str:
    """A URI as a header holds it. ValueError: it would end the brackets, or the line."""
    if not uri or any(char in "<>" or not "!" <= char <= "~" for char in uri):
        raise ValueError(f"{uri!r} cannot stand in a header")
    return f"<{uri}>"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
