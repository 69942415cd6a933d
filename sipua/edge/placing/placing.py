"""The common parts of all that place calls: `sipua call`, `sipua outbound`, and the edge."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import time

from sipua.config import Config
from sipua.config.sections.routes import RouteSection
from sipua.config.values.uri import UriError, parse_server
from sipua.doctor import doctor
from sipua.edge.wiring import wiring
from sipua.rtp.hostport import is_address
from sipua.rtp.ports import PortPool, ReservedPort, family_of
from sipua.sip.dns.names import transport_of
from sipua.sip.pj.agent import SipAgent
from sipua.sip.settings import Sign, SipSettings
from sipua.sip.wire.addresses import host_of, of_family, server_of

# The counterpart in the other family: of this machine, or of all its addresses.
_COUNTERPARTS = {"127.0.0.1": "::1", "::1": "127.0.0.1", "0.0.0.0": "::", "::": "0.0.0.0"}  # noqa: S104

FAMILY_KNOWN_WITHIN_S = 3.0


class RequestError(Exception):
    """The requested call cannot be placed; the text says what to write instead."""


def check_uri(uri: str) -> None:
    """Check a server's URI, with or without a user."""
    form = "write it as sip:USER@HOST:PORT, perhaps with ;transport=tcp or tls"
    user, at, server = uri.rpartition("@")
    try:
        parse_server(f"{user.partition(':')[0]}:{server}" if at else uri)
    except UriError as error:
        raise RequestError(f"{uri}: {error.what}; {form}") from None


def towards(config: Config, uri: str) -> Config:
    """The configuration with own addresses of the URI's family, and TLS where it has that: an edge
    that listens on 127.0.0.1 may call [::1]. Raises RequestError.
    """
    family = family_of(host_of(uri))
    transports = config.sip.transports
    if transport_of(uri) == "tls" and "tls" not in transports:
        transports = (*transports, "tls")
    hosts = _with_family(config.sip.host, family, "sip")
    sip = config.sip.model_copy(update={"host": hosts, "transports": transports})
    rtp = config.rtp
    if rtp.host:
        rtp = rtp.model_copy(update={"host": _with_family(rtp.host, family, "rtp")})
    return config.model_copy(update={"sip": sip, "rtp": rtp})


def for_one_call(config: Config) -> Config:
    """The configuration without what is kept for later calls: there are none."""
    alone = {"spare_sessions": 0}
    engines = {name: one.model_copy(update=alone) for name, one in config.engines.items()}
    engine = config.engine.model_copy(update=alone)
    return config.model_copy(update={"engine": engine, "engines": engines})


def _with_family(
    hosts: tuple[str, ...], family: socket.AddressFamily, section: str
) -> tuple[str, ...]:
    if of_family(hosts, family):
        return hosts
    counterpart = _COUNTERPARTS.get(hosts[0])
    if counterpart is None:
        name, example = ("IPv6", "::") if family == socket.AF_INET6 else ("IPv4", "0.0.0.0")  # noqa: S104
        raise RequestError(
            f"{section}.host has no {name} address to call from: "
            f'{section}.host = ["{hosts[0]}", "{example}"]'
        )
    return (*hosts, counterpart)


def check_family(config: Config, uri: str) -> None:
    """Whether an edge that runs has an address to call this one from. Raises RequestError."""
    host = host_of(uri)
    if is_address(host) and not of_family(wiring.rtp_hosts(config), family_of(host)):
        raise RequestError(f"{uri}: this edge has no address of that family (`sip.host`)")


def route_named(config: Config, name: str) -> RouteSection:
    for route in config.routes:
        if route.name == name:
            return route
    there = ", ".join(route.name for route in config.routes) or "none in this configuration"
    raise RequestError(f"there is no route {name!r}; there is: {there}")


def first_hop(settings: SipSettings, account: str, uri: str) -> str:
    """The URI of the server that gets the INVITE."""
    hops = (one.first_hop for one in settings.accounts if one.name == account and one.first_hop)
    return next(hops, uri)


def id_uri(settings: SipSettings, account: str) -> str:
    """Who the account or trunk is; empty: there is none."""
    return next((one.id_uri for one in settings.accounts if one.name == account), "")


def sign(settings: SipSettings, account: str) -> Sign | None:
    """With what our calls by the account or trunk are signed; None: they are not."""
    return next((one.sign for one in settings.accounts if one.name == account), None)


async def reserve(ports: PortPool, sip: SipAgent, first_hop: str) -> ReservedPort:
    """Reserve ports of the family in which the call will leave. Raises NoPortsLeft."""
    if len(ports.families) == 1:
        return ports.reserve(time.monotonic(), ports.families[0])
    host, port = server_of(first_hop)
    addresses: tuple[str, ...] = (host,) if is_address(host) else ()
    if not addresses:
        # Without an answer of DNS in time, the signalling thread reports it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAMILY_KNOWN_WITHIN_S):
                addresses = await sip.addresses_of(host, services=not port)
    peer_families = {family_of(address) for address in addresses}
    # A name that has addresses of both is called over IPv4, as by the signalling thread.
    family = next((family for family in sorted(ports.families) if family in peer_families), None)
    return ports.reserve(time.monotonic(), family or ports.families[0])


def check_account(config: Config, name: str) -> None:
    usable = [account.name for account in config.accounts]
    usable += [trunk.name for trunk in config.trunks if trunk.every_server]
    if not name or name in usable:
        return
    if any(trunk.name == name for trunk in config.trunks):
        raise RequestError(f"trunk {name} has no `proxy` and no `servers`: outgoing calls need one")
    there = ", ".join(usable) or "none in this configuration (--config FILE)"
    raise RequestError(f"there is no account or trunk {name!r}; there is: {there}")


def sip_settings(config: Config, account: str, *, log_messages: bool) -> SipSettings:
    """The edge's settings, without what would disturb an edge that runs with the same file."""
    settings = wiring.sip_settings(config, max_calls=doctor.build_info().max_calls)
    chosen = (known for known in settings.accounts if known.peer == account)
    return dataclasses.replace(
        settings,
        port=0,  # the edge may use the configured one
        tls=settings.tls and dataclasses.replace(settings.tls, port=0),
        accounts=tuple(
            dataclasses.replace(known, registers=False, options_s=0) for known in chosen
        ),
        log_messages=log_messages,
    )
