"""Recordings of calls by SIPp: whole, in step, paused, by consent, after kill -9, on full disks."""

import hashlib
import os
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.calls.steer.commands import HangUp, Play, Record
from support.calls.edge import Edge
from support.calls.steered_edge import SteeredEdge
from support.media import audio, g711
from support.media.recordings import channels, delay_ms, metadata, place
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.ports import PortBlock
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

GREETING_MS = 4000
SAYS = np.concatenate([audio.silence(GREETING_MS), audio.speech("short"), audio.silence(20_000)])
AGENT = {"turn_detection": {"silence_duration_ms": 300}}


def spoken(law: int = g711.PCMU) -> audio.Pcm:
    """What the caller says, as it is on the wire."""
    said = audio.speech("short")
    return g711.decode(law, g711.encode(law, said))[160:-160]


def saved(edge: Edge) -> Path:
    return Path(edge.wait_event("recording.saved")["path"])


def test_both_sides_are_kept_as_they_were(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "recordings"
    edge = edge_factory({"recording": {"when": "always", "directory": folder}, "engine": AGENT})
    media = far_end(1, SAYS)
    sipp.run("uac_call", edge.address, media=media, pause_ms=8000)
    (stream,) = media.finish()
    ended = edge.wait_event("call.ended")
    told = edge.wait_event("recording.saved")
    path = Path(told["path"])
    assert path.parent.parent == folder
    assert path.name == f"{ended['call_id']}.wav"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert told["bytes"] == path.stat().st_size
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["missed_s"] == 0
    assert ended["recording"]["files"][0]["path"] == told["path"]
    left, right = channels(path)
    assert len(left) / 8000 == pytest.approx(told["seconds"], abs=0.001)
    # What we heard, sample by sample; what the far end heard of us, sample by sample.
    assert place(spoken(), left) > 0
    heard = stream.pcm()
    loud = np.flatnonzero(np.abs(heard) > 500)
    answer = heard[loud[0] : loud[-1]]
    assert place(answer, right) > 0
    about = metadata(path)
    assert (about["call_id"], about["basis"], about["by"]) == (
        ended["call_id"],
        "none",
        "configuration",
    )
    assert list(folder.rglob("*.part*")) == []


def noise(seconds: int) -> audio.Pcm:
    return np.random.default_rng(3).integers(-6000, 6000, seconds * 8000).astype(np.int16)


def steered(
    start: Callable[..., SteeredEdge], folder: Path, *, seconds: int = 20, **recording: Any
) -> SteeredEdge:
    """An edge whose calls are recorded, and that has a noise to play."""
    sounds = folder.parent / "sounds"
    sounds.mkdir(exist_ok=True)
    audio.write_wav(sounds / "noise.wav", noise(seconds), rate_hz=8000)
    return start(
        {
            "agent": {"greeting": False},
            "calls": {"sounds": str(sounds)},
            "recording": {"when": "always", "directory": folder, **recording},
        }
    )


@pytest.fixture
def steered_edge(tmp_path: Path) -> Iterator[Callable[..., SteeredEdge]]:
    started: list[SteeredEdge] = []

    def begin(config: dict[str, Any]) -> SteeredEdge:
        started.append(SteeredEdge(tmp_path / f"edge-{len(started)}", config))
        return started[-1]

    yield begin
    for edge in started:
        edge.close()


@pytest.mark.parametrize("lose_every", [0, 10])
def test_the_channels_stay_in_step(
    steered_edge: Callable[..., SteeredEdge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
    lose_every: int,
) -> None:
    """The caller's end sends back what it hears: left follows right by the same time throughout,
    also when each tenth packet is lost."""
    edge = steered(steered_edge, tmp_path / "recordings")
    media = far_end(1, audio.silence(20), echo_db=0.0, echo_ms=120, lose_every=lose_every)
    run = sipp.start("uac_call_ended_by_peer", edge.address, media=media)
    call_id = edge.wait_event("call.confirmed")["call_id"]
    assert edge.steer(call_id, Play("noise.wav"))["status"] == "accepted"
    time.sleep(11)
    assert edge.steer(call_id, HangUp())["status"] == "accepted"
    assert run.wait(check=False).ok
    left, right = channels(saved(edge))
    starts = np.flatnonzero(np.abs(right) > 500)[0] + 8000 * np.arange(9)
    delays = [delay_ms(right[at : at + 6000], left[at : at + 9000]) for at in starts]
    assert max(delays) - min(delays) <= 20, delays
    # 120 ms, less the packet that a frame begins before it came, and what began late.
    assert 40 < min(delays) < 400


def test_a_pause_is_silence_on_both_sides_and_stands_in_the_metadata(
    steered_edge: Callable[..., SteeredEdge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    edge = steered(steered_edge, tmp_path / "recordings", when="on_demand")
    media = far_end(1, noise(1), repeat=True)
    run = sipp.start("uac_call_ended_by_peer", edge.address, media=media)
    call_id = edge.wait_event("call.confirmed")["call_id"]
    edge.steer(call_id, Play("noise.wav"))
    time.sleep(1)
    assert edge.events(name="recording.started") == []
    assert edge.steer(call_id, Record("start"))["status"] == "done"
    assert edge.steer(call_id, Record("start"))["status"] == "wrong-state"
    time.sleep(2)
    assert edge.steer(call_id, Record("pause"))["status"] == "done"
    time.sleep(2)
    assert edge.steer(call_id, Record("resume"))["status"] == "done"
    time.sleep(2)
    edge.steer(call_id, HangUp())
    assert run.wait(check=False).ok
    media.finish()
    path = saved(edge)
    [started] = edge.events(name="recording.started")
    assert started["by"] == "test"
    [pause] = metadata(path)["pauses"]
    assert pause["by"] == "operator"
    for pcm in channels(path):
        # A frame that had left before the pause, or came just behind it, may reach into it.
        inside = pcm[pause["from_ms"] * 8 + 320 : pause["until_ms"] * 8 - 320]
        assert len(inside) > 12_000
        assert not inside.any()
        for side in (pcm[: pause["from_ms"] * 8 - 320], pcm[pause["until_ms"] * 8 + 640 :]):
            assert np.sqrt(np.mean(side[-8000:].astype(float) ** 2)) > 2000


def pressed(key: str) -> audio.Pcm:
    """A key of the first row, as a tone."""
    column = (1209, 1336, 1477)["123".index(key)]
    both = audio.tone(697, 120) // 2 + audio.tone(column, 120) // 2
    return np.concatenate([both.astype(np.int16), audio.silence(120)])


@pytest.mark.parametrize(("key", "becomes"), [("1", "saved"), ("2", "declined"), ("", "no_key")])
def test_consent_by_key_fails_closed(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
    *,
    key: str,
    becomes: str,
) -> None:
    """The question takes four seconds, in English; the key comes as a tone."""
    folder = tmp_path / "recordings"
    recording = {"when": "always", "directory": folder, "consent": "key", "key_wait_s": 2}
    edge = edge_factory({"recording": recording, "agent": {"greeting": False}})
    tone = pressed(key) if key else audio.silence(240)
    says = np.concatenate([audio.silence(5200), tone, audio.silence(500), noise(8)])
    media = far_end(1, says)
    run = sipp.start("uac_call", edge.address, media=media, pause_ms=9000, OFFER=offers.offer("0"))
    assert run.wait(check=False).ok
    (stream,) = media.finish()
    edge.wait_event("call.ended")
    assert audio.is_in(sounds.prompt("may-we-record"), stream.pcm())
    if becomes == "saved":
        path = saved(edge)
        assert metadata(path)["basis"] == "key"
        left, right = channels(path)
        assert left.any()
        question = sounds.prompt("may-we-record")
        assert not place(question[8000:8400], right) > 0, "what came before is not kept"
    else:
        [blocked] = edge.events(name="recording.blocked")
        assert blocked["reason"] == becomes
        assert edge.events(name="recording.started") == []
        assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_H4_a_full_disk_costs_sound_not_the_call(
    steered_edge: Callable[..., SteeredEdge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("we may not mount a tmpfs here")
    try:
        edge = steered(steered_edge, folder)
        media = far_end(1, noise(1), repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=media)
        call_id = edge.wait_event("call.confirmed")["call_id"]
        failed = edge.wait_event("recording.failed", timeout_s=20)
        assert failed["error"] == "No space left on device"
        time.sleep(2)
        assert edge.steer(call_id, HangUp())["status"] == "accepted", "it is up"
        assert run.wait(check=False).ok
        (stream,) = media.finish()
        assert stream.lost == 0
        ended = edge.wait_event("call.ended")
        assert ended["end"]["reason"] == "operator_hangup"
        [path] = folder.rglob("*.wav")
        left, _ = channels(path)
        assert 2 < len(left) / 8000 < 5
        assert left[8000:].any()
        edge.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_kill_9_leaves_a_file_that_plays_and_the_next_edge_finishes_it(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "recordings"
    edge = edge_factory({"recording": {"when": "always", "directory": folder}, "engine": AGENT})
    media = far_end(1, noise(1), repeat=True)
    run = sipp.start("uac_call", edge.address, media=media, pause_ms=30_000)
    call_id = edge.wait_event("recording.started")["call_id"]
    time.sleep(6)
    edge.kill()
    run.stop()
    media.finish()
    part = next(folder.rglob("*.part.wav"))
    left, _ = channels(part)
    assert len(left) / 8000 > 3
    assert left[8000:].any()
    about = metadata(part)
    assert (about["call_id"], about["origin"]) == (call_id, "anyone")
    old = time.time() - 60
    os.utime(part, (old, old))
    edge.start()
    path = Path(edge.wait_event("recording.saved", call_id=call_id)["path"])
    assert np.array_equal(channels(path)[0], left)
    assert not part.exists()


def test_administrators_alone_get_the_file_and_it_is_told(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    ports = PortBlock(2)
    api = ports.port()
    tokens = [
        {"name": right, "token": f"the-token-of-the-{right}-here", "right": right}
        for right in ("operator", "admin")
    ]
    edge = edge_factory(
        {
            "api": {"enabled": True, "port": api, "tokens": tokens},
            "recording": {"when": "always", "directory": tmp_path / "kept", "format": "wav-g711"},
        }
    )

    def fetch(right: str, call_id: str) -> tuple[int, bytes]:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{api}/v1/calls/{call_id}/recording",
            headers={"Authorization": f"Bearer the-token-of-the-{right}-here"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, b""

    media = far_end(1, noise(1), repeat=True)
    run = sipp.start("uac_call", edge.address, media=media, pause_ms=3000)
    call_id = edge.wait_event("recording.started")["call_id"]
    time.sleep(1)
    assert fetch("admin", call_id)[0] == 409, "it is being written"
    assert run.wait(check=False).ok
    media.finish()
    path = saved(edge)
    assert fetch("operator", call_id)[0] == 403
    assert edge.events(name="recording.fetched") == []
    assert fetch("admin", call_id) == (200, path.read_bytes())
    [fetched] = edge.events(name="recording.fetched")
    assert (fetched["of_call"], fetched["by"]) == (call_id, "admin")
    assert fetch("admin", "c-nosuchcall")[0] == 404
    assert fetch("admin", "..%2f..%2fedge")[0] == 404
    ports.close()
