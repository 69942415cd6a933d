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
    over: bool = True
    """False: the file goes on, or is finished later; `recording.saved` may follow."""


class RecordingUploaded(Event, tag="recording.uploaded"):
    """A copy is in S3, and was verified there."""

    path: str
    to: str
    """`s3://BUCKET/KEY`"""
    bytes: int
    sha256: str
    verified: str
    """By what: `checksum`, `etag`, `read`."""
    attempts: int
    took_ms: int
    """The last attempt."""
    deleted: bool = False
    """The file at `path`."""


class RecordingUploadFailed(Event, tag="recording.upload_failed"):
    """It is not in S3. Told of the first attempt of a recording alone, and when it is given up."""

    LEVEL = "error"
    path: str
    """Of its metadata."""
    error: str
    attempts: int
    given_up: bool
    """False: it is kept, and tried again."""
    fix: str


class RecordingBlocked(Event, tag="recording.blocked"):
    """Nothing is kept: the caller has declined, or was not asked to the end."""

    LEVEL = "warning"
    reason: str
    """`declined`, `no_key`, `not_heard`, `call_ended`."""
