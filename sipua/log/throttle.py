"""The limit of repeated log lines: one a second for events that come 10,000 times a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Window:
    open_until: float
    left: int
    suppressed: int = 0


class Throttle:
    """The limit of repeated lines: whether one may be written now, and how many were suppressed.

    Pure: `now` is passed in. The number of keys is bounded, because a key may come from the
    network; when it is reached the oldest key is dropped, with its count
    added to `forgotten`.
    """

    __slots__ = ("_burst", "_interval_s", "_max_keys", "_windows", "forgotten")

    def __init__(self, interval_s: float = 1.0, max_keys: int = 64, *, burst: int = 1) -> None:
        """`burst`: the lines allowed in each interval."""
        self._burst = burst
        self._interval_s = interval_s
        self._max_keys = max_keys
        self._windows: dict[str, _Window] = {}
        self.forgotten = 0

    def ask(self, key: str, now: float) -> int | None:
        """None: do not write. A number: write, with this count of suppressed lines."""
        window = self._windows.get(key)
        if window is not None:
            if now < window.open_until and window.left == 0:
                window.suppressed += 1
                return None
            suppressed = window.suppressed
            window.suppressed = 0
            if now >= window.open_until:
                window.open_until = now + self._interval_s
                window.left = self._burst
            window.left -= 1
            return suppressed
        if len(self._windows) >= self._max_keys:
            oldest = next(iter(self._windows))
            self.forgotten += self._windows.pop(oldest).suppressed
        self._windows[key] = _Window(now + self._interval_s, self._burst - 1)
        return 0

    def drain(self) -> dict[str, int]:
        """The suppressed lines not yet reported, per key; starts again. For the end of a call."""
        counts = {key: win.suppressed for key, win in self._windows.items() if win.suppressed}
        self._windows.clear()
        return counts
