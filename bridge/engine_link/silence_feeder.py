"""Keeps the time of an engine whose time is the audio that it is given.

Such an engine stands still while it is given nothing: it would not greet while the phone rings,
and would hold back what it has to say while the caller is on hold. So when nothing was fed for
`GRACE_STEPS`, silence is, at the pace of real time, until there is audio again. The grace is more
than any jitter that a call's own audio has, so that silence never comes between two words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.fault_owner import FaultOwner
from sipua.codecs.g711 import Law

STEP_MS: Final = 100
GRACE_STEPS: Final = 2

_SILENCE: Final = {
    AudioFormat.PCMU: Law.PCMU.silence,
    AudioFormat.PCMA: Law.PCMA.silence,
}
"""Of each byte; of PCM16 0."""


class SilenceFeeder:
    __slots__ = ("_faults", "_feed", "_idle_steps", "_silence", "_timer", "fed_ms")

    def __init__(
        self, feed: Callable[[bytes], None], form: AudioFormat, faults: FaultOwner
    ) -> None:
        self._feed = feed
        self._faults = faults
        self._silence = bytes([_SILENCE.get(form, 0)]) * (form.bytes_per_ms * STEP_MS)
        self._idle_steps = GRACE_STEPS
        self._timer: asyncio.TimerHandle | None = None
        self.fed_ms = 0

    def start(self) -> None:
        """The engine listens from now on, and is fed at once."""
        self._faults.run("input clock", self._tick, asyncio.get_running_loop().time())

    def fed(self) -> None:
        """Real audio went."""
        self._idle_steps = 0

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, due_s: float) -> None:
        if self._idle_steps < GRACE_STEPS:
            self._idle_steps += 1
        else:
            self._feed(self._silence)
            self.fed_ms += STEP_MS
        # By absolute deadlines; what a stalled process missed is not made up in a burst.
        due_s = max(due_s + STEP_MS / 1000, asyncio.get_running_loop().time())
        self._timer = self._faults.call_at(due_s, "input clock", self._tick, due_s)
