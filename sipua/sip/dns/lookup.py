"""One look-up of a host name: /etc/hosts first, then DNS. Coroutines for the resolver's own loop.

getaddrinfo is not used: it knows neither SRV records nor the lifetime of an answer, and it cannot
be stopped. Names that only its modules know (mDNS, LDAP) are not found here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from sipua.rtp.hostport import is_address, split
from sipua.sip.dns.names import Found, Name, NotFound, Outcome, Service

HOSTS = Path("/etc/hosts")
DNS_PORT = 53
_HOSTS_TTL_S = 60.0
PATIENCE_S = (2.0, 4.0, 14.0)
"""The timeout of each try: a lost datagram costs two seconds, and a server that takes ten to
answer still counts.
"""
_MAX_SERVICES = 8
_SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
"""RFC 3263 4.2."""
LIMIT_S = 28.0
"""The limit of a whole look-up."""


class _FailedError(Exception):
    """DNS gave neither an address of the name nor the answer that there is none."""


@dataclass(frozen=True, slots=True)
class _Records:
    items: tuple[Any, ...]
    ttl_s: float = float("inf")
    missing: str = ""


class Lookup:
    """The look-up. `nameservers`: addresses, with or without port; empty: /etc/resolv.conf's."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        hosts: Path = HOSTS,
        patience_s: Sequence[float] = PATIENCE_S,
    ) -> None:
        self._nameservers = nameservers
        self._hosts = hosts
        self._patience_s = patience_s

    async def __call__(self, name: Name) -> Outcome:
        """Look a name up. No name, file or server makes it raise; it takes at most `LIMIT_S`."""
        local = in_hosts(_read(self._hosts), name.host)
        if local:
            return Found(local, ttl_s=_HOSTS_TTL_S)
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self._ask_dns(name)
        except TimeoutError:
            return NotFound(f"no answer within {LIMIT_S:g} s")
        except _FailedError as error:
            return NotFound(str(error))

    async def _ask_dns(self, name: Name) -> Outcome:
        resolvers = self._resolvers()
        kinds = tuple(_SERVICES) if name.services else ()
        parts = await _together(
            self._patience_s[0],
            _addresses(resolvers, name.host),
            *(_services(resolvers, name.host, kind) for kind in kinds),
        )
        missing = next((part.missing for part in parts if part.missing), "")
        found = Found(
            addresses=parts[0].items,
            services=tuple(service for part in parts[1:] for service in part.items),
            ttl_s=min(part.ttl_s for part in parts),
            missing=missing,
        )
        if found.every_address:
            return found
        return NotFound(missing or "DNS knows no such name, or no address of it")

    def _resolvers(self) -> list[dns.asyncresolver.Resolver]:
        """One resolver for each try. New each time: /etc/resolv.conf may have changed."""
        made = []
        for patience_s in self._patience_s:
            try:
                resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            except dns.resolver.NoResolverConfiguration:
                raise _FailedError("no nameserver: /etc/resolv.conf names none") from None
            if self._nameservers:
                resolver.nameservers = [_nameserver(text) for text in self._nameservers]
            resolver.use_search_by_default = True
            resolver.lifetime = patience_s
            resolver.timeout = patience_s / max(1, len(resolver.nameservers))
            made.append(resolver)
        return made


def _nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    host, port = split(text)
    return dns.nameserver.Do53Nameserver(host, port or DNS_PORT)


async def _together(grace_s: float, *parts: Coroutine[None, None, _Records]) -> list[_Records]:
    """Run all at the same time. Once one has found something the others get `grace_s` more: some
    servers do not answer for SRV or AAAA records.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    waiting = set(tasks)
    try:
        while waiting:
            good = any(task.done() and task.result().items for task in tasks)
            _, waiting = await asyncio.wait(
                waiting,
                timeout=grace_s if good else None,
                return_when=asyncio.ALL_COMPLETED if good else asyncio.FIRST_COMPLETED,
            )
            if good:
                break
    finally:
        for task in waiting:
            task.cancel()
    late = _Records((), missing="a part was not answered in time")
    return [task.result() if task.done() else late for task in tasks]


async def _addresses(resolvers: Sequence[dns.asyncresolver.Resolver], host: str) -> _Records:
    answers = await _together(
        resolvers[0].lifetime, *(_ask(resolvers, host, kind) for kind in ("A", "AAAA"))
    )
    return _Records(
        tuple(record.address for answer in answers for record in answer.items),
        min(answer.ttl_s for answer in answers),
        next((answer.missing for answer in answers if answer.missing), ""),
    )


async def _services(
    resolvers: Sequence[dns.asyncresolver.Resolver], host: str, transport: str
) -> _Records:
    answer = await _ask(resolvers, f"{_SERVICES[transport]}.{host}", "SRV")
    # "." as the target: the service does not exist (RFC 2782).
    records = [record for record in answer.items if record.target.labels != (b"",)]
    records = sorted(records, key=lambda record: record.priority)[:_MAX_SERVICES]
    addresses = await asyncio.gather(
        *(_addresses(resolvers, record.target.to_text()) for record in records)
    )
    return _Records(
        tuple(
            Service(transport, record.priority, record.weight, record.port, where.items)
            for record, where in zip(records, addresses, strict=True)
        ),
        min((answer.ttl_s, *(where.ttl_s for where in addresses))),
        answer.missing or next((where.missing for where in addresses if where.missing), ""),
    )


async def _ask(resolvers: Sequence[dns.asyncresolver.Resolver], name: str, kind: str) -> _Records:
    """The records of one kind, empty when there are none, or why they are not known."""
    for resolver in resolvers:
        try:
            answer = await resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.LifetimeTimeout:
            continue
        except dns.resolver.NXDOMAIN:
            return _Records(())
        except dns.resolver.NoNameservers as error:
            answers = {str(entry[3]) for entry in error.kwargs.get("errors", ())}
            return _Records(
                (), missing=f"{_servers_text(resolver)}: {', '.join(sorted(answers)) or 'refused'}"
            )
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return _Records((), missing=f"{type(error).__name__}: {error}")
        return _Records(tuple(answer.rrset or ()), answer.chaining_result.minimum_ttl)
    return _Records((), missing=f"no answer from {_servers_text(resolvers[0])}")


def _servers_text(resolver: dns.asyncresolver.Resolver) -> str:
    """The nameservers as text, for a message."""
    return ", ".join(
        server if isinstance(server, str) else str(server).removeprefix("Do53:").replace("@", ":")
        for server in resolver.nameservers
    )


def in_hosts(text: str, host: str) -> tuple[str, ...]:
    """The addresses that a hosts file gives to the name (hosts(5))."""
    wanted = host.lower().rstrip(".")
    found = []
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in (name.lower() for name in names) and is_address(address):
            found.append(address)
    return tuple(dict.fromkeys(found))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
