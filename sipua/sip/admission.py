"""Whether an INVITE may become a call: decided before a port or a model is touched.

Called on the pjsua2 thread for each INVITE; the limits are plain attributes that the app
sets from its own thread (an int and a bool: no lock is needed).
"""

from __future__ import annotations

import ipaddress
import math
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str
    retry_after_s: int = 0
    cause: str = ""
    """What is wrong with the request, for the log and the peer; words of ours alone."""

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}
        if self.cause:
            headers["Warning"] = f'399 sipua "{self.cause}"'  # RFC 3261 20.43
        return headers


FORBIDDEN = Refusal(403, "Forbidden")
NO_MEDIA_PORT = Refusal(503, "No Media Port", retry_after_s=5)


@dataclass(slots=True)
class Admission:
    """Who may call, and how many at once."""

    max_calls: int
    accept_any: bool
    draining: bool = False
    engine_missing_s: Callable[[float], float] = lambda now: 0.0
    """For how long no engine is expected to be there; 0: one may be."""
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
            return FORBIDDEN
        if self.draining:
            return Refusal(503, "Shutting Down", retry_after_s=30)
        if calls_up >= self.max_calls:
            return Refusal(486, "Busy Here", retry_after_s=5)
        return origin

    def probe(self, host: str, calls_up: int, *, ports_left: bool, now: float) -> Refusal | None:
        """What an OPTIONS is told: None (200) only when an INVITE would be taken, else 503, which
        is what dispatchers understand. A peer that may not call is told so, and nothing more.
        """
        verdict = self.judge(host, calls_up)
        if isinstance(verdict, Refusal):
            if verdict is FORBIDDEN:
                return verdict
            return Refusal(503, verdict.reason, verdict.retry_after_s)
        if not ports_left:
            return NO_MEDIA_PORT
        missing_s = self.engine_missing_s(now)
        return Refusal(503, "No Engine", math.ceil(missing_s)) if missing_s > 0 else None


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
