"""What one address has used of what it may have. Pure: `now` is passed in."""

from __future__ import annotations

import ipaddress

SOURCES = 4096
"""Addresses that are remembered; of more, those that were seen first are forgotten."""
_BURST_S = 2.0
"""A source that was quiet may have what is due in so many seconds at once."""


def source_of(host: str) -> str:
    """An address; of IPv6 the network that one customer has, who may send from all of it."""
    if ":" not in host:
        return host
    try:
        return ipaddress.IPv6Address(host).exploded[:19]
    except ValueError:
        return host


class Buckets:
    """Of tokens, by key, each full when it is first seen; their number is bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, tuple[float, float]] = {}
        """Tokens, and when there were so many."""

    def take(self, key: str, rate: float, now: float) -> bool:
        if not rate:
            return True
        full = max(1.0, rate * _BURST_S)
        held = self._held.pop(key, None)
        tokens = full if held is None else min(full, held[0] + (now - held[1]) * rate)
        if held is None and len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
        taken = tokens >= 1.0
        self._held[key] = (tokens - taken, now)
        return taken
