"""From the configuration to the settings of recordings, for the edge and its workers."""

from __future__ import annotations

from pathlib import Path

from sipua.config import Config
from sipua.recording.files.keeper import RecordingKeeper, Tell
from sipua.recording.files.settings import RecordingSettings

_MEGABYTE = 1_000_000


def is_on(config: Config) -> bool:
    """Whether any call may be recorded."""
    return config.recording.when != "off" or any(
        route.recording not in ("", "off") for route in config.routes
    )


def recording_settings(config: Config) -> RecordingSettings:
    recording = config.recording
    return RecordingSettings(
        directory=Path(recording.directory).expanduser(),
        format=recording.format,
        consent=recording.consent,
        key=recording.key,
        key_wait_s=recording.key_wait_s,
        pause_while_collecting=recording.pause_while_collecting,
        recipients=recording.recipients,
    )


def keeper(config: Config, tell: Tell) -> RecordingKeeper | None:
    """None: no call is recorded."""
    if not is_on(config):
        return None
    recording = config.recording
    return RecordingKeeper(
        recording_settings(config),
        keep_days=recording.keep_days,
        most_bytes=recording.keep_mb * _MEGABYTE,
        tell=tell,
    )
