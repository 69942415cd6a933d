"""A recording of a call: what ends it, what is told of it, and what is left of it."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from sipua.calls.facts import CallFacts
from sipua.recording.wav_file import MonoWav
from sipua.twilio.recordings import recorder as recorder_file
from sipua.twilio.recordings import store
from sipua.twilio.recordings.recorder import CallRecorder, Recorder, RecorderSettings
from sipua.twilio.recordings.sound_file import TOO_SLOW
from sipua.twilio.request import WebRequest
from sipua.twilio.steps import RecordCaller, Recorded
from sipua.twilio.twiml.verbs import Action, Record, StatusCallback
from support.calls.briefing_story import freed
from support.media import audio
from support.media.audio import Pcm

SID: Final = "AC" + "0" * 32
URL: Final = f"https://edge.example/2010-04-01/Accounts/{SID}/Recordings/"
SPEECH: Final = audio.speech("short")
FACTS: Final = CallFacts(
    call_id="c-1",
    direction="incoming",
    from_uri="sip:+4312345678@h",
    to_uri="sip:200@h",
    origin="pbx",
    route="agent",
    started_at=datetime(2026, 11, 30, tzinfo=UTC),
)


class Call:
    def __init__(self) -> None:
        self.bridge: Any = self
        self.screen: Any = self
        self.log: Any = self
        self.over = self.on_hold = self.put_through = self.muted = False
        self.listeners: list[Callable[[Pcm], None]] = []
        self.lines: list[str] = []

    def listen(self, listener: Callable[[Pcm], None], *, steady_since: float) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def facts(self) -> CallFacts:
        return FACTS

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(event)

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(f"{event} {fields['text']}")

    def says(self, *sounds: Pcm) -> None:
        for sound in sounds:
            for start in range(0, len(sound), 160):
                for listener in self.listeners:
                    listener(sound[start : start + 160])


class Told:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tokens: list[str] = []

    def tell(self, asked: WebRequest, _: object) -> None:
        self.asked.append((asked.url, dict(parse_qsl(asked.body.decode()))))
        self.tokens.append(asked.headers["I-Twilio-Idempotency-Token"])
        assert "X-Twilio-Signature" in asked.headers


class Scene:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.call, self.told = Call(), Told()
        settings = RecorderSettings(directory, URL, SID, "not-a-secret-12345", "last4")
        self.recorder = Recorder(settings, self.told)  # type: ignore[arg-type]
        self.over = asyncio.Event()
        self.of_call: CallRecorder = self.recorder.of(self.call)

    async def begin(self, **record: Any) -> asyncio.Task[Recorded]:
        after = Action("https://agent.example/after")
        told = StatusCallback("https://agent.example/told")
        order = RecordCaller(1, Record(status_callback=told, **record), after)
        work = asyncio.ensure_future(self.of_call.record(order, self.over))
        while not self.call.listeners and not work.done():
            await asyncio.sleep(0)
        return work

    def files(self) -> list[Path]:
        return [path for path in self.directory.rglob("*") if path.is_file()]


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_silence_ends_it_and_it_is_told(scene: Scene) -> None:
    work = await scene.begin(timeout_s=2)
    scene.call.says(SPEECH, audio.silence(3000))
    recorded = await work
    assert recorded == Recorded(recorded.sid, URL + recorded.sid, 2)
    found = store.find(scene.directory, recorded.sid)
    assert found is not None
    assert audio.is_in(SPEECH, audio.read_wav(found.path, rate_hz=8000))
    assert (found.about.call_id, found.about.direction) == ("c-1", "incoming")
    assert found.about.from_ is not None
    assert "12345678" not in found.about.from_
    ((url, told),) = scene.told.asked
    assert url == "https://agent.example/told"
    assert told["RecordingSid"] == recorded.sid
    assert told["RecordingUrl"] == recorded.url
    assert (told["RecordingStatus"], told["RecordingDuration"]) == ("completed", "2")
    assert (told["RecordingChannels"], told["RecordingSource"]) == ("1", "RecordVerb")
    assert told["AccountSid"] == SID
    assert scene.call.listeners == []
    assert len(scene.files()) == 2


async def test_no_sound_is_no_recording(scene: Scene) -> None:
    work = await scene.begin(timeout_s=2)
    scene.call.says(audio.silence(3000))
    assert await work == Recorded()
    assert scene.told.asked == []
    assert scene.files() == []
    assert scene.call.lines == []


async def test_a_key_ends_it(scene: Scene) -> None:
    work = await scene.begin()
    scene.call.says(SPEECH)
    scene.over.set()
    assert (await work).sid


async def test_a_key_that_came_during_the_beep(scene: Scene) -> None:
    scene.over.set()
    assert await (await scene.begin()) == Recorded()
    assert scene.files() == []


@pytest.mark.parametrize("why", ["on_hold", "put_through", "muted"])
async def test_what_is_not_for_us_is_not_kept_and_no_time_runs(scene: Scene, why: str) -> None:
    work = await scene.begin(timeout_s=2)
    scene.call.says(SPEECH)
    setattr(scene.call, why, True)
    scene.call.says(audio.tone(440, 20_000), audio.silence(60_000))
    await asyncio.sleep(0)
    assert not work.done()
    setattr(scene.call, why, False)
    scene.call.says(SPEECH, audio.silence(3000))
    recorded = await work
    found = store.find(scene.directory, recorded.sid)
    assert found is not None
    assert found.about.seconds < 2 * len(SPEECH) / 8000 + 1.5


async def test_the_caller_hangs_up_and_the_message_is_kept(scene: Scene) -> None:
    work = await scene.begin()
    scene.call.says(SPEECH)
    scene.call.over = True
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await scene.recorder.close()
    (_, told), (url, asked) = scene.told.asked
    assert url == "https://agent.example/after"
    assert (asked["Digits"], asked["CallStatus"]) == ("hangup", "completed")
    assert asked["RecordingSid"] == told["RecordingSid"]
    assert store.find(scene.directory, asked["RecordingSid"]) is not None
    assert len(set(scene.told.tokens)) == 2


async def test_the_caller_hangs_up_without_a_word(scene: Scene) -> None:
    work = await scene.begin()
    scene.call.says(audio.silence(500))
    scene.call.over = True
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await scene.recorder.close()
    assert (scene.told.asked, scene.files()) == ([], [])


async def test_another_document_takes_its_place_and_it_is_kept(scene: Scene) -> None:
    work = await scene.begin()
    scene.call.says(SPEECH)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [url for url, _ in scene.told.asked] == ["https://agent.example/told"]
    assert scene.call.listeners == []


async def test_the_call_ends_while_its_end_is_written(scene: Scene) -> None:
    work = await scene.begin()
    scene.call.says(SPEECH)
    scene.over.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    scene.call.over = True
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await scene.recorder.close()
    assert [url.rpartition("/")[2] for url, _ in scene.told.asked] == ["told", "after"]


async def test_H4_a_directory_that_cannot_be_written(scene: Scene) -> None:
    scene.directory.chmod(0o700)
    (scene.directory / datetime.now(UTC).date().isoformat()).write_bytes(b"")
    work = await scene.begin()
    scene.call.says(SPEECH)
    while not work.done():
        await asyncio.sleep(0.05)
        scene.call.says(SPEECH)
    assert await work == Recorded()
    (line,) = scene.call.lines
    assert "twilio.recordings" in line
    assert scene.told.asked == []


async def test_H4_a_disk_that_never_answers(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    write = MonoWav.write

    def hangs(wav: MonoWav, pieces: Any) -> None:
        go_on.wait(20)
        write(wav, pieces)

    monkeypatch.setattr(MonoWav, "write", hangs)
    monkeypatch.setattr(recorder_file, "WRITTEN_WITHIN_S", 0.2)
    work = await scene.begin()
    scene.call.says(SPEECH)
    scene.over.set()
    assert await work == Recorded()
    assert TOO_SLOW in scene.call.lines[0]
    go_on.set()
    while scene.recorder.thread._thread is not None:
        await asyncio.sleep(0.02)
    assert scene.files() == []


async def test_two_calls_at_once_and_one_behind_the_other(scene: Scene) -> None:
    other = Scene(scene.directory)
    other.recorder, other.of_call = scene.recorder, scene.recorder.of(other.call)
    first, second = await scene.begin(), await other.begin()
    pbx = audio.speech("pbx")
    scene.call.says(SPEECH)
    other.call.says(pbx)
    scene.over.set()
    other.over.set()
    sids = [(await first).sid, (await second).sid]
    scene.over.clear()
    third = await scene.begin()
    scene.call.says(pbx)
    scene.over.set()
    sids.append((await third).sid)
    assert len(set(sids)) == 3
    for sid, said in zip(sids, (SPEECH, pbx, pbx), strict=True):
        found = store.find(scene.directory, sid)
        assert found is not None
        assert audio.is_in(said, audio.read_wav(found.path, rate_hz=8000))


@pytest.mark.parametrize("end", ["key", "hang-up", "silence"])
async def test_H5_what_has_ended_is_freed_without_the_garbage_collector(
    tmp_path: Path, end: str
) -> None:
    await freed(lambda: _ended(tmp_path, end))


async def _ended(directory: Path, end: str) -> list[weakref.ref[Any]]:
    scene = Scene(directory)
    work = await scene.begin(timeout_s=2)
    recording: Any = getattr(scene.call.listeners[0], "__self__")  # noqa: B009 - it is a method
    left = [weakref.ref(one) for one in (recording, recording._file)]
    del recording
    scene.call.says(audio.silence(500) if end == "silence" else SPEECH)
    if end == "hang-up":
        scene.call.over = True
        work.cancel()
    elif end == "key":
        scene.over.set()
    else:
        scene.call.says(audio.silence(3000))
    await asyncio.gather(work, return_exceptions=True)
    await scene.recorder.close()
    return left
