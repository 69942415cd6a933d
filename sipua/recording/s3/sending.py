"""One attempt to send a recording: its sound, verified there, and then its metadata.

Each step may be the last one of a process that is killed: what is done again changes nothing.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sipua.recording.files import metadata
from sipua.recording.files.metadata import Upload
from sipua.recording.files.waiting import Waiting
from sipua.recording.s3.answers import S3Error
from sipua.recording.s3.bucket import Bucket
from sipua.recording.s3.settings import S3Settings

_HASH_BYTES: Final = 1 << 20


class NotYetError(Exception):
    """Its file is not complete."""


class GoneError(Exception):
    """Its sound was deleted before it was sent."""


async def send(one: Waiting, bucket: Bucket, settings: S3Settings) -> metadata.Metadata | None:
    """What is known of it, with where its copy is. None: it was sent already. The caller holds the
    mark. Raises NotYetError, GoneError, S3Error, OSError."""
    if one.growing:
        raise NotYetError
    about = metadata.read(one.metadata)
    if about is None or not about.file:
        raise GoneError
    sound = one.folder / about.file
    if not sound.exists():
        if about.upload is None:
            raise GoneError
        return None
    if sound.stat().st_size != about.bytes:
        raise OSError(f"{sound} is not as long as it was when it was saved")
    key = settings.key(one.day, sound.name)
    if not await _is_there(bucket, key, about, sound):
        await bucket.put_file(key, sound, about.bytes, about.sha256)
    by = await _verified(bucket, key, about, sound)
    if not by:
        raise S3Error(f"{settings.uri(key)} is not there, or is not what was sent")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    about.upload = Upload(settings.uri(key), at, by)
    await bucket.put_bytes(settings.key(one.day, one.metadata.name), metadata.encode(about))
    metadata.write(one.metadata, about)
    if settings.delete_local:
        sound.unlink()
    return about


async def _is_there(bucket: Bucket, key: str, about: metadata.Metadata, sound: Path) -> bool:
    """From an attempt that was cut off. Where that may not be known, it is sent again."""
    try:
        return bool(await _verified(bucket, key, about, sound))
    except S3Error as error:
        if error.status != 403:
            raise
        return False


async def _verified(bucket: Bucket, key: str, about: metadata.Metadata, sound: Path) -> str:
    """By what we know that it is there as it is here; empty: it is not."""
    there = await bucket.head(key)
    if there is None or there.size != about.bytes:
        return ""
    if there.sha256:
        return "checksum" if there.sha256 == about.sha256 else ""
    if there.etag == _md5(sound):
        return "etag"
    # With a key of KMS the ETag is no MD5.
    return "read" if await bucket.read_sha256(key, about.bytes) == about.sha256 else ""


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()
