"""Addresses as SIP and pjsip write them, and which of ours faces a peer."""

from __future__ import annotations

import socket

from sipua.rtp.hostport import split
from sipua.sip.messages import Address

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (compared, and never put into SDP)
_ROUTED_ANYWHERE = "192.0.2.1"  # TEST-NET-1: only the route is looked up, nothing is sent


def address(text: str) -> Address:
    """As pjsip writes it; where it names none the text is empty. ValueError: it is no address."""
    host, port = split(text) if text else ("", 0)
    return host, port or 0


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
    """The host in a SIP URI, or in a header that holds one; empty when there is none."""
    inside = uri.partition("<")[2].partition(">")[0] or uri
    host_port = inside.partition(":")[2].rpartition("@")[2]
    try:
        return split(host_port.partition(";")[0].partition("?")[0].strip())[0]
    except ValueError:
        return ""


def in_brackets(uri: str) -> str:
    """A URI as a header holds it. ValueError: it would end the brackets, or the line."""
    if not uri or any(char in "<>" or not "!" <= char <= "~" for char in uri):
        raise ValueError(f"{uri!r} cannot stand in a header")
    return f"<{uri}>"
