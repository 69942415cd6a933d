"""`sipua doctor --config`: the address that peers outside are told, as STUN servers see it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from sipua.config import Config
from sipua.doctor.findings import Finding, Level
from sipua.edge.wiring import wiring
from sipua.rtp.events import Address
from sipua.rtp.hostport import join
from sipua.sip.dns.lookup import Lookup
from sipua.sip.dns.names import Found, Name
from sipua.sip.nat.search import Failed, Learned
from sipua.sip.nat.stun_client import StunClient
from sipua.sip.wire.addresses import of_family

_WITHIN_S = 8.0
"""Longer than a server is asked."""


def examine(config: Config) -> list[Finding]:
    """Ask each server at once. Empty without servers."""
    servers = wiring.sip_settings(config, max_calls=0).stun_servers
    bound = of_family(config.sip.host, socket.AF_INET)
    if not servers or bound is None:
        return []
    lookup = Lookup(config.sip.nameservers)
    said = asyncio.run(_ask_all(servers, bound, lookup))
    found = [_finding(server, one) for server, one in zip(servers, said, strict=True)]
    addresses = sorted({one.address for one in said if isinstance(one, Learned)})
    if len(addresses) > 1:
        value = f"the servers differ: {', '.join(addresses)}"
        advice = "this machine has more than one way out: set `sip.public_address`"
        found.append(Finding(Level.WARN, "public address", value, advice))
    return found


def _finding(server: Address, said: Learned | Failed) -> Finding:
    what = f"STUN {join(*server)}"
    if isinstance(said, Learned):
        return Finding(Level.OK, what, f"we are reached at {said.address}")
    advice = "is its name right, and does UDP to it pass the firewall? `sip.stun_servers`"
    return Finding(Level.WARN, what, said.cause, advice)


async def _ask_all(
    servers: Sequence[Address], bound: str, lookup: Lookup
) -> list[Learned | Failed]:
    return await asyncio.gather(*(_ask(server, bound, lookup) for server in servers))


async def _ask(server: Address, bound: str, lookup: Lookup) -> Learned | Failed:
    async def resolve(host: str) -> Sequence[str]:
        outcome = await lookup(Name(host.lower(), services=False))
        return outcome.every_address if isinstance(outcome, Found) else ()

    said: list[Learned | Failed] = []
    client = StunClient([server], bound, resolve, said.append, refresh_s=_WITHIN_S)
    try:
        await client.start(_WITHIN_S)
    except OSError as error:
        return Failed(f"cannot send from {bound}: {error.strerror}")
    finally:
        await client.close()
    return said[0] if said else Failed("no answer")
