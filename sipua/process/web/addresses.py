"""Which addresses a request of ours may reach: a webhook, a certificate of a caller. Pure.

What a name resolves to is not believed, whoever has written its URL: it can lead to this machine,
to its neighbours, or to the metadata of a cloud (SSRF). So every address is judged when it is
connected to, and all but public ones are refused unless the configuration allows their network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that was ever given out. What is outside leads to a machine nearby, or stands for an IPv4
address in one of the ways that Python does not know."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_PROTOCOLS: Final = ipaddress.IPv4Network("192.0.0.0/24")
"""Of no machine in the internet; a cloud has its metadata there."""
_PUBLIC_METADATA: Final = ipaddress.IPv4Address("168.63.129.16")
"""Of Azure: public by its number, and answered by the machine's own host."""


def may_reach(text: str, allowed: Sequence[Network]) -> bool:
    """`text`: an address as a socket has it."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _within(address)
    if any(one in network for network in allowed for one in {address, inner}):
        return True
    return _is_public(address) and _is_public(inner)


def guarded(allowed: Sequence[Network], refused: str) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes the sockets of an HTTP session, at the last moment before a connection: the name is
    resolved, and nothing is sent yet. OSError with `refused`: the address may not be reached."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not may_reach(str(address[0]), allowed):
            raise OSError(refused)
        return socket.socket(family, kind, protocol)

    return make


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_global and (address in _UNICAST or address in _NAT64)
    special = address.is_multicast or address in _PROTOCOLS or address == _PUBLIC_METADATA
    return address.is_global and not special


def _within(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for, by one of the ways of translation."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
