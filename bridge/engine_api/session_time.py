"""The time of a session that is charged by the minute and tells nothing of it.

Its clock is the audio that it is given, which never stops (`Capabilities.paced_by_input`).
"""

from __future__ import annotations

from typing import Final

from sipua.bridge.engine_api.events import Usage, Used

TELL_EVERY_MS: Final = 10_000


class SessionTime:
    __slots__ = ("_fed_ms", "fed_ms")

    def __init__(self) -> None:
        self.fed_ms = 0.0
        """Since the session began."""
        self._fed_ms = 0.0  # that were not told yet

    def fed(self, length_ms: float) -> tuple[Used, ...]:
        self.fed_ms += length_ms
        self._fed_ms += length_ms
        return self.rest() if self._fed_ms >= TELL_EVERY_MS else ()

    def rest(self) -> tuple[Used, ...]:
        """What is left to tell."""
        fed_ms, self._fed_ms = self._fed_ms, 0.0
        return (Used(Usage(seconds=fed_ms / 1000), "session"),) if fed_ms else ()
