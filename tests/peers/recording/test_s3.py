"""Recordings sent to a real server of S3, which checks signatures: whole, again, and erased."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sipua.bridge.backoff import BackOff
from sipua.cli.main import run
from sipua.cli.records import copies
from sipua.cli.records.databases import Call
from sipua.events.stream import EventStream
from sipua.recording.files import metadata, waiting
from sipua.recording.files.finishing import finish
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import RecordingSettings
from sipua.recording.s3 import answers, uploads
from sipua.recording.s3.settings import S3Settings
from sipua.recording.s3.uploads import Uploads
from support.calls.edge import Edge
from support.peers.s3_server import BUCKET, KEY_ID, SECRET, VERSIONED, S3Server
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import until, wait_until

pytestmark = pytest.mark.peer

DAY = "2026-11-29"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    started = S3Server(tmp_path_factory.mktemp("s3") / "server")
    yield started
    started.close()


class Bed:
    """The uploads of an edge, without the rest of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        self.settings = S3Settings(
            folder, url, BUCKET, "us-east-1", KEY_ID, SECRET, prefix=folder.parent.name
        )
        self._events = EventStream("berlin")
        self._events.subscribe(
            lambda happened: self.told.append(
                (
                    happened.told.type,
                    happened.told.call_id,
                    msgspec.json.decode(happened.told.data),
                )
            )
        )
        self._running: Uploads | None = None

    async def start(self, **changes: Any) -> None:
        self._running = Uploads(replace(self.settings, **changes), self._events)
        await self._running.start()

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    def recorded(self, call_id: str, size: int = 300_000) -> bytes:
        part = self.folder / DAY / f"{call_id}.part.wav"
        part.parent.mkdir(parents=True, exist_ok=True)
        sound = np.random.default_rng(len(call_id)).bytes(size)
        part.write_bytes(sound)
        about = Metadata(call_id, began="", direction="incoming", from_="sip:+4930123456@x")
        finish(part, about, RecordingSettings(self.folder, upload=True))
        return sound

    def key(self, name: str) -> str:
        return self.settings.key(DAY, name)

    async def first(self, kind: str) -> dict[str, Any]:
        await until(lambda: any(one[0] == kind for one in self.told), kind, 30)
        return next(data for name, _, data in self.told if name == kind)


@pytest.fixture
async def bed(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bed]:
    monkeypatch.setattr(uploads, "_LOOK_EVERY_S", 0.05)
    made = Bed(tmp_path / "recordings", server.url)
    yield made
    await made.stop()


async def test_what_arrives_is_what_was_saved(bed: Bed, server: S3Server) -> None:
    sounds = {name: bed.recorded(name, size) for name, size in (("c-1", 0), ("c-22", 3_000_000))}
    await bed.start(delete_local=True, bytes_per_s=4_000_000)
    await until(lambda: not waiting.every(bed.folder), "both", 30)
    await until(lambda: len(bed.told) == 2)
    there = server.objects()
    for name, sound in sounds.items():
        assert there[bed.key(f"{name}.wav")] == sound
        local = bed.folder / DAY / f"{name}.json"
        assert there[bed.key(f"{name}.json")] == local.read_bytes()
        about = metadata.read(local)
        assert about is not None
        assert about.upload is not None
        assert about.upload.to == f"s3://{BUCKET}/{bed.key(name)}.wav"
        assert not (bed.folder / DAY / f"{name}.wav").exists()
    assert {(kind, call_id) for kind, call_id, _ in bed.told} == {
        ("recording.uploaded", "c-1"),
        ("recording.uploaded", "c-22"),
    }
    (told,) = [data for _, call_id, data in bed.told if call_id == "c-22"]
    assert told["verified"] in ("checksum", "etag")
    assert (told["bytes"], told["attempts"], told["deleted"]) == (3_000_000, 1, True)
    assert told["took_ms"] >= 700, "no faster than it may be"


@pytest.mark.parametrize(
    ("changes", "error", "fix"),
    [
        ({"secret_access_key": "wrong"}, "SignatureDoesNotMatch", "secret_access_key"),
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId", "access_key_id"),
        ({"bucket": "no-such-bucket"}, "AccessDenied", "bucket"),
        ({"endpoint": f"http://{LOOPBACK}:1"}, "cannot be reached", "endpoint"),
    ],
)
async def test_what_the_server_says_is_told_and_the_recording_waits(
    bed: Bed, changes: dict[str, Any], error: str, fix: str
) -> None:
    bed.recorded("c-1", 2_000_000)
    await bed.start(delete_local=True, **changes)
    told = await bed.first("recording.upload_failed")
    assert error in told["error"]
    assert fix in told["fix"]
    assert not told["given_up"]
    assert SECRET not in json.dumps(told)
    await bed.stop()
    assert (bed.folder / DAY / "c-1.wav").exists()
    assert [one.call_id for one in waiting.every(bed.folder)] == ["c-1"]
    await bed.start()
    await bed.first("recording.uploaded")


async def test_other_bytes_than_those_that_were_saved_are_not_taken(
    bed: Bed, server: S3Server
) -> None:
    sound = bed.recorded("c-1")
    (bed.folder / DAY / "c-1.wav").write_bytes(bytes([sound[0] ^ 1]) + sound[1:])
    await bed.start(delete_local=True)
    told = await bed.first("recording.upload_failed")
    assert told["error"]
    await bed.stop()
    assert (bed.folder / DAY / "c-1.wav").exists(), "it is no copy of what was saved"
    assert bed.key("c-1.json") not in server.objects()


async def test_it_is_sent_again_when_the_server_is_back(
    bed: Bed, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "BackOff", lambda *_: BackOff(0.1, 0.3, lambda: 0.5))
    sound, door = bed.recorded("c-1"), server.door()
    await bed.start(endpoint=door.url)
    await bed.first("recording.upload_failed")
    door.open()
    assert (await bed.first("recording.uploaded"))["attempts"] > 1
    assert server.objects()[bed.key("c-1.wav")] == sound
    assert [kind for kind, _, _ in bed.told] == ["recording.upload_failed", "recording.uploaded"]
    door.close()


async def test_every_version_is_erased_and_no_other_call(bed: Bed, server: S3Server) -> None:
    sent = replace(bed.settings, bucket=VERSIONED)
    names = ("c-1", "c-1", "c-11")
    for number, name in enumerate(names, 1):
        bed.recorded(name, 1000 + number)
        await bed.start(bucket=VERSIONED)
        await until(lambda number=number: len(bed.told) == number, "it was sent", 30)  # type: ignore[misc]
        await bed.stop()

    def kept() -> list[str]:
        listed = server.ask("GET", f"/{VERSIONED}", {"versions": "", "prefix": sent.prefix})
        return sorted(one.key.rpartition("/")[2] for one in answers.versions(listed))

    assert kept() == ["c-1.json", "c-1.json", "c-1.wav", "c-1.wav", "c-11.json", "c-11.wav"]
    theirs = await asyncio.to_thread(copies.find, sent, [Call("c-1", DAY)])
    await asyncio.to_thread(copies.erase, sent, theirs)
    assert kept() == ["c-11.json", "c-11.wav"]


async def test_one_that_was_deleted_before_it_was_sent_is_told(bed: Bed) -> None:
    bed.recorded("c-1")
    (bed.folder / DAY / "c-1.wav").unlink()
    await bed.start()
    assert (await bed.first("recording.upload_failed"))["given_up"]
    await until(lambda: not waiting.every(bed.folder))


def test_a_call_is_sent_over_a_kill_and_forgotten(
    edge_factory: Callable[..., Edge], sipp: Sipp, server: S3Server, tmp_path: Path
) -> None:
    """The server is away while the call ends, and the edge is killed then; the next one sends."""
    folder, secret, door = tmp_path / "recordings", tmp_path / "s3.key", server.door()
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    s3 = {
        "bucket": BUCKET,
        "endpoint": door.url,
        "access_key_id": KEY_ID,
        "secret_access_key_file": str(secret),
        "prefix": "calls",
        "delete_local": True,
    }
    recording = {"when": "always", "directory": folder, "s3": s3}
    edge = edge_factory({"recording": recording, "record": {"numbers": "full"}})
    sipp.run("uac_call", edge.address, pause_ms=1500)
    call_id = edge.wait_event("recording.saved")["call_id"]
    told = edge.wait_event("recording.upload_failed")
    assert "cannot be reached" in told["error"]
    edge.kill()
    door.open()
    saved = edge.events(name="recording.saved")[0]
    sound = Path(saved["path"]).read_bytes()
    edge.start()
    sent = edge.wait_event("recording.uploaded")
    assert (sent["call_id"], sent["sha256"]) == (call_id, saved["sha256"])
    key = sent["to"].removeprefix(f"s3://{BUCKET}/")
    assert server.objects()[key] == sound
    wait_until(lambda: not Path(saved["path"]).exists(), 5, "the sound is deleted here")
    assert edge.stop() == 0
    assert SECRET not in (edge.file.parent / "edge.log").read_text()
    caller = edge.events(name="call.ended")[0]["from"]
    assert run(["forget", caller, "--yes", "-c", str(edge.file)]) == 0
    assert [name for name in server.objects() if call_id in name] == []
    assert list(folder.rglob("c-*")) == []
    door.close()
