"""The IP addresses that a key may hold: our own to listen on, our own in SDP, those of trunks."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from sipua.config.values.fields import AS_TUPLE, wrong
from sipua.config.values.uri import is_hostname
from sipua.rtp.hostport import is_address, split

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_ALL_OF_BOTH = '["0.0.0.0", "::"]'


def _ipv4(text: str) -> str:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        if text == "localhost":
            raise wrong("must be an address, not a name", '"127.0.0.1"') from None
        raise wrong(
            "is not an IPv4 address",
            'an address of this machine (`ip -4 addr` lists them), or "0.0.0.0" for all of them',
        ) from None
    return text


def _own(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses that sockets are bound to: one of a family, as a socket has one family."""
    found = _one_of_a_family(hosts)
    if not found:
        raise wrong("is empty", f'"0.0.0.0" for all IPv4 addresses, {_ALL_OF_BOTH} for IPv6 too')
    return found


def _public(hosts: tuple[str, ...]) -> tuple[str, ...]:
    found = _one_of_a_family(hosts)
    for host in found:
        if ipaddress.ip_address(host).is_unspecified:
            raise wrong(
                f"no host can send to {host}", "the address under which the other side reaches us"
            )
    return found


def _one_of_a_family(hosts: tuple[str, ...]) -> tuple[str, ...]:
    addresses = [_address(host) for host in hosts]
    versions = [address.version for address in addresses]
    if len(set(versions)) != len(versions):
        raise wrong(
            "has two addresses of one family", f"one of each at most, such as {_ALL_OF_BOTH}"
        )
    return tuple(str(address) for address in addresses)


def _address(text: str) -> IpAddress:
    if text == "localhost":
        raise wrong("must be an address, not a name", '"127.0.0.1"')
    if text.startswith("[") and text.endswith("]"):
        raise wrong("has brackets, which belong to URIs only", f'"{text[1:-1]}"')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise wrong(
            f'"{text}" is not an IP address',
            "an address of this machine (`ip addr` lists them), "
            f'"0.0.0.0" for all of IPv4, {_ALL_OF_BOTH} for IPv6 too',
        ) from None
    if isinstance(address, ipaddress.IPv6Address):
        _check_ipv6(address)
    return address


def _check_ipv6(address: ipaddress.IPv6Address) -> None:
    if address.is_link_local:
        raise wrong(
            f"{address} is link-local: SDP cannot say on which interface it is meant",
            "a global or unique local address (`ip -6 addr show scope global`)",
        )
    if address.ipv4_mapped:
        raise wrong(f"{address} is an IPv4-mapped address", f'"{address.ipv4_mapped}"')


def _host_entry(text: str) -> str:
    """An entry of `trunks.hosts`: an address, a network, a name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        if "host bits set" in str(error):
            network = ipaddress.ip_network(text, strict=False)
            host = text.partition("/")[0]
            raise wrong(
                "is an address inside a network, not a network",
                f'"{network}" for all of it, "{host}" for this one',
            ) from None
    if ":" in text:
        raise wrong(
            "is not an IP address, a network or a host name (ports and brackets do not belong "
            "here)",
            f'"{_without_port(text)}"',
        )
    if "/" in text or not is_hostname(text):
        raise wrong(
            "is not an IP address, a network or a host name",
            'such as "203.0.113.10", "203.0.113.0/28", "2001:db8:7::/64" or "sbc.example.com"',
        )
    return text


def _without_port(text: str) -> str:
    inside = text.partition("[")[2].partition("]")[0]
    return inside or text.partition(":")[0] or "203.0.113.10"


def _listed(value: Any) -> Any:
    """One address may be written without the list around it; an empty text means none."""
    if isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise wrong("must be text, or a list of texts", f'"0.0.0.0", or {_ALL_OF_BOTH}')
    return value


def _network(text: str) -> str:
    if "/" not in text:
        return str(_address(text))
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        if "host bits set" in str(error):
            fix = f'"{ipaddress.ip_network(text, strict=False)}" for all of it'
            raise wrong(f'"{text}" is an address inside a network', fix) from None
        raise wrong(
            f'"{text}" is neither a network nor an address',
            'such as "10.0.0.0/8", "192.168.1.7" or "fd00::/8"',
        ) from None


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    if not networks:
        raise wrong("is empty", 'at least one, such as ["10.0.0.0/8"]')
    return networks


def _told(text: str) -> str:
    if text and ipaddress.ip_address(_address(text)).is_unspecified:
        raise wrong(f"no host can send to {text}", 'an address of ours, or "" for the nearest one')
    return str(_address(text)) if text else text


def _stun_server(text: str) -> str:
    try:
        host, port = split(text)
    except ValueError:
        host, port = "", None
    if ":" in host:
        raise wrong("is an IPv6 address: only IPv4 is asked for", "a name, or an IPv4 address")
    if (not is_hostname(host) and not is_address(host)) or port == 0:
        raise wrong(
            "is not a STUN server: a host name or an IPv4 address, perhaps with a port",
            'such as "stun.example.com" or "192.0.2.40:3478"',
        )
    return text


Ipv4 = Annotated[str, AfterValidator(_ipv4)]
# The validator written last runs first: text, then list, then tuple.
OwnAddresses = Annotated[tuple[str, ...], AfterValidator(_own), AS_TUPLE, BeforeValidator(_listed)]
OptionalOwnAddresses = Annotated[
    tuple[str, ...], AfterValidator(_one_of_a_family), AS_TUPLE, BeforeValidator(_listed)
]
PublicAddresses = Annotated[
    tuple[str, ...], AfterValidator(_public), AS_TUPLE, BeforeValidator(_listed)
]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host_entry)], ...], AS_TUPLE]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], AS_TUPLE]
SomeNetworks = Annotated[Networks, AfterValidator(_networks)]
ToldAddress = Annotated[str, AfterValidator(_told)]
StunServers = Annotated[tuple[Annotated[str, AfterValidator(_stun_server)], ...], AS_TUPLE]
