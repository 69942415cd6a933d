"""Which source may send requests within a call: BYE, re-INVITE, INFO, REFER and all others.

RFC 3261 (12.2.2) goes by Call-ID and tags alone, so an attacker that has read them ends the call
from any address. A source must be one of these, where its trunk does not say `any`:

    where the dialog began     the INVITE came from there, or the responses to ours did
    its trunk, or account      `hosts`, and registrars, as resolved now; servers that we call
    the way of the dialog      Contact and Record-Route, which came from such a source
    a certificate              and nothing else, where the dialog began with that of its trunk

Addresses count and ports do not: a NAT gives another port whenever it likes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

Sources = Literal["known", "any"]

TOLD_EVERY_S: Final = 10.0
_MOST_HOSTS: Final = 16


class Peers(Protocol):
    """What is needed of `Admission`."""

    def belongs(self, name: str, host: str) -> bool: ...

    def certified(self, name: str, names: frozenset[str]) -> bool: ...

    def asks_certificate(self, name: str) -> bool: ...


@dataclass(slots=True)
class DialogSource:
    """Of one call. Pure: `now` is passed in."""

    certified: bool = False
    """It began by a connection with the certificate of its trunk."""
    _hosts: set[str] = field(default_factory=set)
    _told_at: float = float("-inf")
    _kept_back: int = 0

    def learn(self, hosts: Collection[str]) -> None:
        """The other side is there, too: it has answered from there, or may be called there."""
        for host in hosts:
            if len(self._hosts) < _MOST_HOSTS:
                self._hosts.add(host)

    def allows(
        self,
        peers: Peers,
        origin: str,
        host: str,
        names: frozenset[str],
        way: Iterable[str],
    ) -> bool:
        """Whether a request from `host` may enter. `names`: in the certificate of its connection.
        `way`: the hosts of the dialog's remote target and route set."""
        if self.certified and peers.asks_certificate(origin):  # it may not any more, by a reload
            return peers.certified(origin, names)
        if host in self._hosts or peers.belongs(origin, host):
            return True
        address = _address(host)
        return address is not None and any(_address(one) == address for one in way)

    def tells(self, now: float) -> int | None:
        """A request was refused. None: do not tell it. A number: tell it, with so many that were
        not told."""
        if now < self._told_at + TOLD_EVERY_S:
            self._kept_back += 1
            return None
        self._told_at = now
        kept_back, self._kept_back = self._kept_back, 0
        return kept_back


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None: it is a name. Names in Contact and Route are not looked up for it."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
