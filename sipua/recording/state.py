"""What a call's recording is doing, and what it may do next. No I/O.

    off ──start──▶ asking ──agreed──▶ recording ◀──▶ paused      several may ask for a pause: the
     ▲   without consent needed ────────▲   │                    sound is kept again when the last
     │                                  │   └─stop─▶ stopped     of them has let it go
     └── start again begins another file┘
                  asking ──refused──▶ blocked                    for the rest of the call

Fails closed: in every state but `recording` nothing is kept.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from sipua.recording.files.settings import When

State: TypeAlias = Literal["off", "asking", "recording", "paused", "stopped", "blocked"]


class NotNowError(Exception):
    """The text says why."""


class RecordingState:
    def __init__(self, when: When, *, consent_needed: bool) -> None:
        self.now: State = "off"
        self.agreed = not consent_needed
        self._when = when
        self._askers: set[str] = set()

    def start(self) -> State:
        """Returns `asking` or `recording`. Raises NotNowError."""
        if self._when == "off":
            raise NotNowError("recordings are off for this route")
        if self.now == "blocked":
            raise NotNowError("the caller has not agreed to a recording")
        if self.now not in ("off", "stopped"):
            raise NotNowError(f"the recording is {self.now} already")
        self.now = "recording" if self.agreed else "asking"
        return self._paused_or_not()

    def answered(self, *, agreed: bool) -> State:
        """The caller's, or what counts as one."""
        if self.now == "asking":
            self.agreed = agreed
            self.now = "recording" if agreed else "blocked"
        return self._paused_or_not()

    def pause(self, asker: str) -> bool:
        """True: the sound was kept until now. Before the beginning it is remembered."""
        self._askers.add(asker)
        changes = self.now == "recording"
        self._paused_or_not()
        return changes

    def resume(self, asker: str) -> bool:
        """True: the sound is kept from now on."""
        self._askers.discard(asker)
        if self.now != "paused" or self._askers:
            return False
        self.now = "recording"
        return True

    def resume_all(self) -> bool:
        self._askers.clear()
        return self.resume("")

    def stop(self) -> bool:
        """True: there was a file."""
        had_file = self.now in ("recording", "paused")
        if self.now != "blocked":
            self.now = "stopped"
        return had_file

    @property
    def askers(self) -> list[str]:
        return sorted(self._askers)

    def _paused_or_not(self) -> State:
        if self.now == "recording" and self._askers:
            self.now = "paused"
        return self.now
