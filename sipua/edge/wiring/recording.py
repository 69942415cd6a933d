"""From the configuration to the settings of recordings, for the edge and its workers."""

from __future__ import annotations

from pathlib import Path

from sipua.config import Config
from sipua.recording.files.keeper import RecordingKeeper, Tell
from sipua.recording.files.settings import RecordingSettings
from sipua.recording.s3.settings import S3Settings
from sipua.twilio import configured
from sipua.twilio.recordings.keeper import TwimlRecordingKeeper

_MEGABYTE = 1_000_000


def twiml_keeper(config: Config) -> TwimlRecordingKeeper | None:
    """Of what documents record; None: nothing."""
    directory = configured.recordings(config)
    return TwimlRecordingKeeper(directory, config.twilio.recordings_days) if directory else None


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
        mask_digits=recording.mask_digits,
        recipients=recording.recipients,
        upload=bool(recording.s3.bucket),
    )


def s3_settings(config: Config) -> S3Settings | None:
    """None: recordings are not sent to S3."""
    s3 = config.recording.s3
    if not s3.bucket:
        return None
    return S3Settings(
        directory=Path(config.recording.directory).expanduser(),
        endpoint=s3.endpoint or f"https://s3.{s3.region}.amazonaws.com",
        bucket=s3.bucket,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key.get_secret_value(),
        prefix=s3.prefix,
        path_style=s3.path_style,
        delete_local=s3.delete_local,
        parallel=s3.parallel,
        bytes_per_s=s3.max_kb_s * 1000,
        ca_file=str(Path(s3.ca_file).expanduser()) if s3.ca_file else "",
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
