"""The steps of an attempt, with a server that is told what to say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sipua.recording.files import metadata, waiting
from sipua.recording.files.finishing import finish
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import RecordingSettings
from sipua.recording.files.waiting import Waiting
from sipua.recording.s3.answers import S3Error
from sipua.recording.s3.bucket import Object
from sipua.recording.s3.sending import GoneError, NotYetError, send
from sipua.recording.s3.settings import S3Settings

DAY = "2026-11-29"
SOUND = b"sound" * 1000
MD5 = hashlib.md5(SOUND, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(SOUND).hexdigest()


class Bucket:
    """Has what was put, and says of it what it is told to."""

    def __init__(self, *, etag: str = MD5, sha256: str = "", read: str = SHA256) -> None:
        self.files: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.refuses = 0
        self._etag, self._sha256, self._read = etag, sha256, read

    async def head(self, key: str) -> Object | None:
        if self.refuses and not self.puts:
            raise S3Error("answered 403", status=self.refuses)
        file = self.files.get(key)
        return None if file is None else Object(len(file), self._etag, self._sha256)

    async def put_file(self, key: str, path: Path, size: int, sha256: str) -> None:
        assert (size, sha256) == (len(SOUND), SHA256)
        self.puts.append(key)
        self.files[key] = path.read_bytes()  # noqa: ASYNC240 - a test

    async def put_bytes(self, key: str, body: bytes) -> None:
        self.puts.append(key)
        self.files[key] = body

    async def read_sha256(self, key: str, size: int) -> str:
        assert (key in self.files, size) == (True, len(SOUND))
        return self._read


def settings(folder: Path, *, delete_local: bool = False) -> S3Settings:
    return S3Settings(
        *(folder, "https://s3.example.com", "calls", "us-east-1", "id", "secret", "berlin/"),
        delete_local=delete_local,
    )


@pytest.fixture
def one(tmp_path: Path) -> Waiting:
    """A recording that has just been finished."""
    part = tmp_path / DAY / "c-1.part.wav"
    part.parent.mkdir()
    part.write_bytes(SOUND)
    finish(part, Metadata("c-1", began=""), RecordingSettings(tmp_path, upload=True))
    (found,) = waiting.every(tmp_path)
    return found


async def test_the_sound_goes_first_and_the_metadata_says_where(
    one: Waiting, tmp_path: Path
) -> None:
    bucket = Bucket()
    about = await send(one, bucket, settings(tmp_path))  # type: ignore[arg-type]
    assert bucket.puts == [f"berlin/{DAY}/c-1.wav", f"berlin/{DAY}/c-1.json"]
    assert about is not None
    assert about.upload is not None
    assert (about.upload.to, about.upload.verified) == (
        f"s3://calls/berlin/{DAY}/c-1.wav",
        "etag",
    )
    assert metadata.read(one.metadata) == about
    assert bucket.files[f"berlin/{DAY}/c-1.json"] == one.metadata.read_bytes()
    assert (one.folder / "c-1.wav").exists()


@pytest.mark.parametrize(
    ("bucket", "verified"),
    [
        (Bucket(sha256=SHA256, etag="of-a-kms-key"), "checksum"),
        (Bucket(etag="0" * 32), "read"),
        (Bucket(etag=""), "read"),
        (Bucket(sha256="0" * 64), ""),
        (Bucket(etag="0" * 32, read="0" * 64), ""),
    ],
)
async def test_by_what_it_is_verified(
    one: Waiting, tmp_path: Path, bucket: Bucket, verified: str
) -> None:
    work = send(one, bucket, settings(tmp_path, delete_local=True))  # type: ignore[arg-type]
    if not verified:
        with pytest.raises(S3Error, match="not what was sent"):
            await work
        assert (one.folder / "c-1.wav").exists(), "without a copy nothing is deleted here"
        return
    about = await work
    assert about is not None
    assert about.upload is not None
    assert about.upload.verified == verified
    assert not (one.folder / "c-1.wav").exists()
    assert one.metadata.exists()


async def test_what_is_done_again_behind_a_kill_changes_nothing(
    one: Waiting, tmp_path: Path
) -> None:
    bucket, wanted = Bucket(), settings(tmp_path, delete_local=True)
    bucket.files[f"berlin/{DAY}/c-1.wav"] = SOUND  # it was killed here
    assert await send(one, bucket, wanted) is not None  # type: ignore[arg-type]
    assert bucket.puts == [f"berlin/{DAY}/c-1.json"]
    assert await send(one, bucket, wanted) is None, "the sound is deleted, and the mark is left"  # type: ignore[arg-type]


async def test_where_we_may_not_ask_it_is_sent(one: Waiting, tmp_path: Path) -> None:
    bucket = Bucket()
    bucket.refuses = 403
    await send(one, bucket, settings(tmp_path))  # type: ignore[arg-type]
    bucket = Bucket()
    bucket.refuses = 500
    with pytest.raises(S3Error):
        await send(one, bucket, settings(tmp_path))  # type: ignore[arg-type]


async def test_what_is_not_complete_waits_and_what_is_gone_is_given_up(
    one: Waiting, tmp_path: Path
) -> None:
    bucket, wanted = Bucket(), settings(tmp_path)
    part, sound = one.folder / "c-1.part.wav", one.folder / "c-1.wav"
    sound.rename(part)
    with pytest.raises(NotYetError):
        await send(one, bucket, wanted)  # type: ignore[arg-type]
    part.rename(sound)
    sound.write_bytes(SOUND[:-1])
    with pytest.raises(OSError, match="not as long"):
        await send(one, bucket, wanted)  # type: ignore[arg-type]
    sound.unlink()
    with pytest.raises(GoneError):
        await send(one, bucket, wanted)  # type: ignore[arg-type]
    one.metadata.unlink()
    with pytest.raises(GoneError):
        await send(one, bucket, wanted)  # type: ignore[arg-type]
    assert bucket.puts == []
