"""IP addresses in offers and answers: which of them audio may go to, and which show a NAT."""

import ipaddress

from sipua.rtp.events import Address

# Addresses that only work on the network they are used in.
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # carrier NAT, RFC 6598
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_BROADCAST = ipaddress.ip_address("255.255.255.255")


def canonical(host: str) -> str | None:
    """The address as a socket reports it; None when it is not an IP address."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def shows_nat(host: str, signalling_ip: str | None) -> bool:
    """Whether an address that signalling does not come from is one of another network. IPv4
    signalling of a phone with both families says nothing of where its IPv6 address is from.
    """
    if ":" in host and ":" not in (signalling_ip or host):
        return False
    address = ipaddress.ip_address(host)
    return any(address in network for network in _PRIVATE)


def sendable(address: Address) -> Address | None:
    """The address in canonical form, None when no audio may be sent to it."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return None
    if host.is_unspecified or host.is_multicast or host == _BROADCAST:
        return None
    return (str(host), address[1]) if 0 < address[1] <= 0xFFFF else None
