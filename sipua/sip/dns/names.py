"""The table of host names: which addresses hold, in which order they are tried, and when a name is
looked up again. No clock and no I/O: `now` and the outcomes of look-ups come in.

    name ──▶ SRV by priority and weight ──▶ A, AAAA      no port given (RFC 3263 4.2, RFC 2782)
         └─▶ A, AAAA                                     a port given

An outcome holds until a later look-up succeeds: a DNS server that is down ends no trunk.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from sipua.bridge.backoff import doubled_s

SIP_PORT, SIPS_PORT = 5060, 5061
LONGEST_RETRY_S = 30.0
"""The longest wait after a failed look-up; the first repeats come sooner."""
SHORTEST_TTL_S = 5.0
LONGEST_TTL_S = 3600.0
_SAME_ANSWER_S = 1.0
"""A name that was not found a moment ago is not looked up again for the next message."""
MAX_NAMES = 256
"""Names in Contact and Route headers come from outside: the table has a limit."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name to look up. `services`: with its SRV records, as for a name without a port."""

    host: str
    services: bool


@dataclass(frozen=True, slots=True)
class Service:
    """An SRV record and the addresses of its target."""

    transport: str
    priority: int
    weight: int
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    addresses: tuple[str, ...]
    services: tuple[Service, ...] = ()
    ttl_s: float = LONGEST_TTL_S
    missing: str = ""
    """Why a part could not be looked up."""

    @property
    def every_address(self) -> tuple[str, ...]:
        """Its own addresses and those of its services, each once."""
        of_services = (address for service in self.services for address in service.addresses)
        return tuple(dict.fromkeys((*of_services, *self.addresses)))


@dataclass(frozen=True, slots=True)
class NotFound:
    cause: str


Outcome = Found | NotFound


@dataclass(frozen=True, slots=True)
class News:
    """The change that a look-up brought. With a `cause` it failed; `addresses` still hold."""

    name: Name
    addresses: tuple[str, ...]
    next_in_s: float
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    address: str
    port: int
    transport: str


def default_port(transport: str) -> int:
    return SIPS_PORT if transport == "tls" else SIP_PORT


def transport_of(uri: str) -> str:
    """The transport that a URI names; empty: none."""
    uri = uri.strip().lower()
    if uri.startswith("sips:") or ";transport=tls" in uri:
        return "tls"
    return "tcp" if ";transport=tcp" in uri else ""


def targets(found: Found, port: int, transport: str) -> list[Target]:
    """Where a request goes, best first. Port 0 and transport "" mean: not given."""
    if not port:
        for kind in (transport,) if transport else ("udp", "tcp"):
            by_service = [
                Target(address, service.port, kind)
                for service in found.services
                if service.transport == kind
                for address in service.addresses
            ]
            if by_service:
                return by_service
    port = port or default_port(transport)
    return [Target(address, port, transport or "udp") for address in found.addresses]


class Weighted(Protocol):
    @property
    def priority(self) -> int: ...

    @property
    def weight(self) -> int: ...


W = TypeVar("W", bound=Weighted)


def by_priority(services: Iterable[W], rng: random.Random) -> tuple[W, ...]:
    """RFC 2782: the lowest priority first; among equals a random draw by weight."""
    left = sorted(services, key=lambda service: (service.priority, service.weight))
    ordered: list[W] = []
    while left:
        equals = [service for service in left if service.priority == left[0].priority]
        mark = rng.randint(0, sum(service.weight for service in equals))
        for chosen in equals:
            mark -= chosen.weight
            if mark <= 0:
                break
        left.remove(chosen)
        ordered.append(chosen)
    return tuple(ordered)


@dataclass(slots=True)
class _Entry:
    kept: bool = False
    found: Found | None = None
    cause: str = ""
    failures: int = 0
    due_at: float = float("-inf")
    began_at: float | None = None
    """Whether it is being looked up."""
    ended_at: float = float("-inf")


class NameTable:
    """All names. `keep` is for those of the configuration, which are looked up again and again.
    Others are looked up when `ask` needs them, and dropped when the table is full.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._entries: dict[Name, _Entry] = {}

    def keep(self, name: Name) -> None:
        self._entries.setdefault(name, _Entry()).kept = True

    def keep_only(self, names: Collection[Name]) -> None:
        """Keep these, and no others. One that is new is looked up now, whatever was known of it:
        the news of it go to those that need it.
        """
        for name, entry in self._entries.items():
            entry.kept = entry.kept and name in names
        for name in names:
            entry = self._entries.setdefault(name, _Entry())
            if not entry.kept:
                entry.kept, entry.found, entry.due_at = True, None, float("-inf")

    def due(self, now: float) -> list[Name]:
        return [name for name, entry in self._waiting() if entry.due_at <= now]

    def next_due(self) -> float | None:
        return min((entry.due_at for _, entry in self._waiting()), default=None)

    def _waiting(self) -> list[tuple[Name, _Entry]]:
        return [(n, e) for n, e in self._entries.items() if e.kept and e.began_at is None]

    def ask(self, name: Name, now: float) -> Outcome | None:
        """The outcome for a name; None: it has to be looked up first."""
        entry = self._entries.get(name)
        if entry is None:
            if not self._make_room():
                return NotFound(f"{MAX_NAMES} other names are being looked up")
            self._entries[name] = _Entry()
            return None
        if entry.found is not None and (entry.kept or now < entry.due_at):
            return entry.found
        if entry.began_at is None and now < entry.ended_at + _SAME_ANSWER_S:
            return entry.found or NotFound(entry.cause)
        return None

    def begin(self, name: Name, now: float) -> bool:
        """Note that a look-up begins; False: one is running already."""
        entry = self._entries[name]
        if entry.began_at is not None:
            return False
        entry.began_at = now
        return True

    def end(self, name: Name, outcome: Outcome, now: float) -> tuple[Outcome, News | None]:
        """Note the outcome of a look-up: what holds now, and the change if there is one."""
        entry = self._entries[name]
        began_at, entry.began_at, entry.ended_at = entry.began_at or now, None, now
        recovered = bool(entry.cause)
        before = entry.found.every_address if entry.found else ()
        if isinstance(outcome, NotFound):
            entry.failures += 1
            entry.cause = outcome.cause
        else:
            entry.failures = entry.failures + 1 if outcome.missing else 0
            entry.cause = ""
            drawn = replace(outcome, services=by_priority(outcome.services, self._rng))
            entry.found = _joined(entry.found, drawn)
        if entry.failures:
            pause = doubled_s(1.0, entry.failures, LONGEST_RETRY_S)
            entry.due_at = max(began_at + pause, now + 1.0)
        else:
            ttl_s = entry.found.ttl_s if entry.found else SHORTEST_TTL_S
            entry.due_at = now + min(max(ttl_s, SHORTEST_TTL_S), LONGEST_TTL_S)
        after = entry.found.every_address if entry.found else ()
        holds = entry.found or NotFound(entry.cause)
        if not entry.cause and not recovered and set(before) == set(after):
            return holds, None
        return holds, News(name, after, entry.due_at - now, entry.cause)

    def _make_room(self) -> bool:
        if len(self._entries) < MAX_NAMES:
            return True
        for name, entry in self._entries.items():  # the oldest first
            if not entry.kept and entry.began_at is None:
                del self._entries[name]
                return True
        return False


def _joined(old: Found | None, new: Found) -> Found:
    """A part that could not be looked up stays as it was. What has not changed keeps its order, as
    DNS servers rotate it with each answer: a challenged request must go to the same server again.
    """
    if old is None:
        return new
    addresses, services = new.addresses, new.services
    if new.missing:
        addresses = tuple(dict.fromkeys((*addresses, *old.addresses)))
        services = services or old.services
    if set(addresses) == set(old.addresses):
        addresses = old.addresses
    if _unordered(services) == _unordered(old.services):
        services = old.services
    return replace(new, addresses=addresses, services=services)


def _unordered(services: Iterable[Service]) -> set[Service]:
    return {replace(s, addresses=tuple(sorted(s.addresses))) for s in services}
