"""Whether an INVITE may become a call: decided before a port or a model is touched.

Called on the pjsua2 thread for each INVITE; the limits are plain attributes that the app
sets from its own thread (an int and a bool: no lock is needed).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str
    retry_after_s: int = 0


@dataclass(slots=True)
class Admission:
    """Who may call, and how many at once."""

    max_calls: int
    accept_any: bool
    draining: bool = False
    _peers: list[tuple[str, Network]] = field(default_factory=list)

    def allow(self, name: str, networks: Iterable[Network]) -> None:
        self._peers += [(name, network) for network in networks]

    def belongs(self, name: str, host: str) -> bool:
        """Whether this address is one of that trunk's or account's."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for owner, network in self._peers if owner == name)

    def origin(self, host: str) -> str | None:
        """The name of the trunk or account that this address belongs to."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        for name, network in self._peers:
            if address in network:
                return name
        return "anyone" if self.accept_any else None

    def judge(self, host: str, calls_up: int) -> str | Refusal:
        """The origin's name when the call may come in, else the refusal to send."""
        origin = self.origin(host)
        if origin is None:
            return Refusal(403, "Forbidden")
        if self.draining:
            return Refusal(503, "Shutting Down", retry_after_s=30)
        if calls_up >= self.max_calls:
            return Refusal(486, "Busy Here", retry_after_s=5)
        return origin


def networks_of(host: str, resolve: Callable[[str], list[str]] | None = None) -> list[Network]:
    """A trunk's host as networks: an address, a CIDR block, or a name that is resolved now."""
    try:
        return [ipaddress.ip_network(host, strict=False)]
    except ValueError:
        pass
    addresses = (resolve or _resolve)(host)
    return [ipaddress.ip_network(address) for address in addresses]


def _resolve(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})
