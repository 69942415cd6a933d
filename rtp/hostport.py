"""`host`, `host:port` and `[2001:db8::1]:5060`: the only reader, writer and judge.

The form is that of URIs (RFC 3986 3.2.2) and of SIP (RFC 3261 25.1): an IPv6 address stands in
brackets when a port may follow. Without brackets it is read as an address without a port.
"""

from __future__ import annotations

import ipaddress


def split(text: str) -> tuple[str, int | None]:
    """The host without its brackets, and the port when there is one.

    ValueError: no host, no port from 0 to 65535 behind the colon, or brackets around something
    else than an IPv6 address. Whether the host is a good name is not looked at.
    """
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or rest[:1] not in ("", ":"):
            raise ValueError(f"{text!r} has a bracket that is not closed, or no port behind it")
        return _ipv6(host), _port(rest[1:]) if rest else None
    if text.count(":") > 1:
        return _ipv6(text), None
    host, colon, port = text.partition(":")
    if not host:
        raise ValueError(f"{text!r} has no host")
    return host, _port(port) if colon else None


def join(host: str, port: int) -> str:
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """The host as a URI holds it."""
    return f"[{host}]" if ":" in host else host


def is_address(host: str) -> bool:
    """An IP address without a zone."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_loopback(host: str) -> bool:
    """An address of this machine that no other one reaches, or its name (RFC 6761 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _ipv6(text: str) -> str:
    """In the one form that sockets report it in, however it was written."""
    address = ipaddress.IPv6Address(text)
    mapped = address.ipv4_mapped  # which Python writes in hexadecimal digits before 3.13
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 65536):
        raise ValueError(f"{text!r} is not a port")
    return int(text[:6])
