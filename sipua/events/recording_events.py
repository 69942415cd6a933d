"""The events of a call's recording. docs/events.md has them all."""

from __future__ import annotations

from sipua.events.event import Event


class RecordingStarted(Event, tag="recording.started"):
    """From now on both sides are kept; `basis`: the consent that was asked for."""

    file: str
    by: str
    basis: str


class RecordingPaused(Event, tag="recording.paused"):
    """From now on the recording has silence on both sides."""

    by: str
    at_ms: int
    """Since its beginning."""


class RecordingResumed(Event, tag="recording.resumed"):
    by: str
    at_ms: int


class RecordingSaved(Event, tag="recording.saved"):
    """The file is complete: nothing is written to it any more."""

    path: str
    bytes: int
    sha256: str
    seconds: float
    basis: str
    sealed: bool = False
    missed_s: float = 0.0
    """Silence in place of sound that could not be written in time."""


class RecordingFailed(Event, tag="recording.failed"):
    """The file is incomplete, or is not there; the call goes on."""

    LEVEL = "error"
    path: str
    error: str
    fix: str = "the call goes on: check the disk of `recording.directory`"


class RecordingBlocked(Event, tag="recording.blocked"):
    """Nothing is kept: the caller has declined, or was not asked to the end."""

    LEVEL = "warning"
    reason: str
    """`declined`, `no_key`, `not_heard`, `call_ended`."""
