"""How fast bytes may leave: so many a second, of all uploads together. Sans-IO."""

from __future__ import annotations


class Pace:
    def __init__(self, bytes_per_s: int) -> None:
        """0: no bound."""
        self._bytes_per_s = bytes_per_s
        self._free_at_s = 0.0

    def wait_s(self, size: int, now: float) -> float:
        """How long to wait before these leave. They count as sent then."""
        if not self._bytes_per_s:
            return 0.0
        begin_s = max(self._free_at_s, now)
        self._free_at_s = begin_s + size / self._bytes_per_s
        return begin_s - now
