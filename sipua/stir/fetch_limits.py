"""How many certificates are asked for: of one host, at one address, and in all. No clock.

A URL is a caller's, and so is the host in it: without bounds, strangers who write Identity headers
could have us flood a third party. A host has many names; so its address counts as well, when a
connection to it begins.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, TypeAlias

from sipua.sip.admission.sources import SOURCES, Buckets, source_of

MOST: Final = 64
"""At once."""
MOST_OF_HOST: Final = 16
RATE_OF_HOST: Final = 10.0
"""A second; twice as many at once, of one that was not asked before."""
RATE_OF_ALL: Final = 50.0

TooMany: TypeAlias = Literal["host", "host_rate", "address_rate", "all", "rate_of_all"]


class FetchLimits:
    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        """By host."""
        self._of_host = Buckets(SOURCES)
        self._of_address = Buckets(SOURCES)
        self._of_all = Buckets(1)

    def begin(self, host: str, now: float) -> TooMany | None:
        """None: it may be asked, until `end`."""
        if self._under_way.get(host, 0) >= MOST_OF_HOST:
            return "host"
        if self._under_way.total() >= MOST:
            return "all"
        if not self._of_host.take(host, RATE_OF_HOST, now):
            return "host_rate"
        if not self._of_all.take("", RATE_OF_ALL, now):
            return "rate_of_all"
        self._under_way[host] += 1
        return None

    def end(self, host: str) -> None:
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]

    def may_connect(self, address: str, now: float) -> bool:
        return self._of_address.take(source_of(address), RATE_OF_HOST, now)
