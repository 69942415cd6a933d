"""The check that the signalling thread runs: from a counter that each of its rounds raises.

Only time between two checks counts: a process that was stopped, or a machine that was asleep, has
not been hanging for as long.
"""

from __future__ import annotations

CHECK_EVERY_S = 0.5
SILENT_S = 5.0
"""A round takes a quarter of a second at most; one that takes twenty times as long never ends."""


class Heartbeat:
    def __init__(self) -> None:
        self._beats = -1
        self._checked_at = 0.0
        self._silent_s = 0.0

    def is_silent(self, beats: int, now: float) -> bool:
        """Call it every CHECK_EVERY_S; True when no round has ended for SILENT_S."""
        since_s = min(now - self._checked_at, 2 * CHECK_EVERY_S)
        self._silent_s = 0.0 if beats != self._beats else self._silent_s + since_s
        self._beats, self._checked_at = beats, now
        return self._silent_s >= SILENT_S
