"""Checks of our own addresses: the families of our sockets, and what peers are told."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath
from sipua.config.values.uri import UriError, parse_server
from sipua.rtp.hostport import is_address, is_loopback

BOTH_FAMILIES = 'host = ["0.0.0.0", "::"]'


def own_addresses(config: Config) -> Iterator[Finding]:
    yield from _families(config)
    yield from _stun(config)
    yield from _networks(config)
    yield from _peers_inside(config)


def _families(config: Config) -> Iterator[Finding]:
    """Find addresses of a family that none of our sockets has."""
    sip, rtp = config.sip, config.rtp
    media = rtp.host or sip.host
    for section, key, hosts, own_hosts in (
        ("sip", "public_address", sip.public_address, (*sip.host, *media)),
        ("rtp", "public_address", rtp.public_address, media),
    ):
        for host in hosts:
            if not any(family(host) == family(own) for own in own_hosts):
                yield Finding(
                    ((section, key), (section, "host")),
                    f"{host} is an {family(host)} address, and {section}.host has none",
                    f"{BOTH_FAMILIES} under [{section}], or leave {host} out",
                )
    for host in sip.host:
        if not any(family(host) == family(own) for own in media):
            yield Finding(
                (("rtp", "host"), ("sip", "host")),
                f"has no {family(host)} address: a call to {host} with {family(host)} audio "
                "gets 488",
                f"{BOTH_FAMILIES} under [rtp], or leave rtp.host out",
                "warning",
            )


def _stun(config: Config) -> Iterator[Finding]:
    sip = config.sip
    if not sip.stun_servers:
        return
    for section, public in (("sip", sip.public_address), ("rtp", config.rtp.public_address)):
        if any(family(host) == "IPv4" for host in public):
            yield Finding(
                (("sip", "stun_servers"), (section, "public_address")),
                f"is not needed: {section}.public_address says the address",
                "leave one of the two out",
            )
    from_here = [host for host in sip.host if family(host) == "IPv4"]
    if not from_here:
        yield Finding(
            (("sip", "stun_servers"), ("sip", "host")),
            "finds IPv4 addresses, and sip.host has none",
            f"{BOTH_FAMILIES} under [sip], or leave stun_servers out",
        )
    elif is_loopback(from_here[0]):
        yield Finding(
            (("sip", "stun_servers"), ("sip", "host")),
            f"cannot be reached from sip.host = {from_here[0]}, which is this machine only",
            'host = "0.0.0.0" under [sip]',
            "warning",
        )


def _networks(config: Config) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, entry in enumerate(config.sip.networks):
        path: KeyPath = ("sip", "networks", index, "networks")
        for network in entry.networks:
            if network in seen:
                first: KeyPath = ("sip", "networks", seen[network], "networks")
                what = f"has {network}, which an earlier table has: the first one counts"
                yield Finding((path, first), what, "name it once")
            seen.setdefault(network, index)
            if entry.address and family(network) != family(entry.address):
                yield Finding(
                    (path, ("sip", "networks", index, "address")),
                    f"{network} is {family(network)}, and the address is {family(entry.address)}",
                    "a table for each family",
                )


def _peers_inside(config: Config) -> Iterator[Finding]:
    """Find servers of a private network that would be told the address of the other side."""
    sip = config.sip
    outside = bool(sip.stun_servers) or any(not _is_private(one) for one in sip.public_address)
    if not outside:
        return
    named = [ipaddress.ip_network(one) for entry in sip.networks for one in entry.networks]
    for path, uri in _servers(config):
        try:
            host = parse_server(uri).host
        except UriError:
            continue  # reported before
        if not is_address(host) or is_loopback(host) or not _is_private(host):
            continue
        address = ipaddress.ip_address(host)
        if address.version == 4 and not any(address in network for network in named):
            yield Finding(
                (path, ("sip", "networks")),
                f"{host} is of a private network, and is told our public address",
                f'[[sip.networks]] with networks = ["{host}"], or the network that it is in',
                "warning",
            )


def _servers(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for index, account in enumerate(config.accounts):
        yield ("accounts", index, "registrar"), account.registrar
    for index, trunk in enumerate(config.trunks):
        if trunk.proxy:
            yield ("trunks", index, "proxy"), trunk.proxy


def _is_private(host: str) -> bool:
    return any(ipaddress.ip_address(host) in one for one in _PRIVATE if one.version == 4)


_PRIVATE = tuple(
    ipaddress.ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


def family(host: str) -> str:
    """Of an address, or a network."""
    return "IPv6" if ":" in host else "IPv4"
