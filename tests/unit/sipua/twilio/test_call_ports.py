"""What documents ask for, done to a call: without signalling and media, which a test plays."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest

from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.bridge.playout.sound_files import SoundError
from sipua.calls.facts import CallFacts
from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.legs.targets import Asked, Destination
from sipua.events.ending import Reason
from sipua.twilio import call_ports
from sipua.twilio.call_ports import Account, CallPorts
from sipua.twilio.fetch import FetchError
from sipua.twilio.request import WebRequest
from sipua.twilio.run import NotPlayedError
from sipua.twilio.sound_cache import SoundCache
from sipua.twilio.steps import (
    Dialled,
    Fetch,
    QueueLeft,
    RecordCaller,
    Recorded,
    Referred,
    Speak,
)
from sipua.twilio.twiml.verbs import Dial, Document, Number, Record, Remark, Stream

pytestmark = pytest.mark.usefixtures("virtual_clock")

SID = "AC" + "0" * 32


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no virtual time."""

    async def at_once(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


FACTS = CallFacts(
    call_id="c-1",
    direction="incoming",
    from_uri="sip:+431@h",
    to_uri="sip:200@h",
    origin="pbx",
    route="agent",
    started_at=datetime(2026, 11, 29, tzinfo=UTC),
)


class Bridge:
    def __init__(self, call: Call) -> None:
        self._call = call
        self.interruptible = True
        self.heard_s: float | None = 1.0
        """None: at once, before `play` returns."""
        self.done: list[str] = []

    def play(self, name: str, pcm: Any, *, interruptible: bool) -> str:
        assert not self.interruptible, "no voice cuts it off"
        item = f"local:{name}:{len(self.done)}"
        self.done.append(f"{name} {len(pcm)}")
        if self.heard_s is None:
            self._call.publish(AudioPlayed(item))
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.heard_s, self._call.publish, AudioPlayed(item))
        return item

    def interrupt(self, by: str) -> None:
        self.done.append(f"cut by {by}")

    def send_dtmf(self, digits: str) -> None:
        self.done.append(f"{asyncio.get_running_loop().time():.1f} {digits}")


class Call:
    def __init__(self) -> None:
        self.bridge: Any = Bridge(self)
        self.confirmed = asyncio.Event()
        self.answered = False
        self.on_hold = False
        self.log: Any = self
        self.done: list[str] = []
        self.outcomes: dict[Any, TransferOutcome] = {}
        self.listeners: list[Callable[[BridgeEvent, float], None]] = []

    def info(self, event: str, **fields: Any) -> None:
        """A document has come."""

    def warning(self, event: str, **fields: Any) -> None:
        self.done.append(f"{event} {fields['code']} {fields['text']}")

    def facts(self) -> CallFacts:
        return FACTS

    def answer(self) -> None:
        self.answered = True
        self.done.append("answered")

    def publish(self, event: BridgeEvent) -> None:
        for listener in list(self.listeners):
            listener(event, 0.0)

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def transfer(self, target: Any, by: str = "agent") -> TransferOutcome:
        self.done.append(f"transfer {target}")
        return self.outcomes.get(target, failed(486, "Busy Here"))

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        self.done.append(f"{reason} {status}")

    def without_engine(self, reason: Reason, detail: str) -> None:
        self.done.append(f"{reason} {detail}")


class Agents:
    async def stream(self, stream: Stream) -> None:
        await asyncio.sleep(5)

    async def queue(self, name: str) -> QueueLeft:
        return QueueLeft("bridged", 3)


class Recorder:
    def __init__(self) -> None:
        self.begun: list[int] = []

    async def record(self, order: RecordCaller, over: asyncio.Event) -> Recorded:
        self.begun.append(order.number)
        await over.wait()
        return Recorded(f"RE{order.number}")


class Client:
    def __init__(self) -> None:
        self.asked: list[WebRequest] = []
        self.data = b""

    async def document(self, request: WebRequest) -> Document:
        self.asked.append(request)
        return Document()

    async def sound(self, request: WebRequest) -> bytes:
        self.asked.append(request)
        if not self.data:
            raise FetchError(11_200, "it answered 404")
        return self.data


class Scene:
    def __init__(self, **account: Any) -> None:
        self.call, self.client = Call(), Client()
        self.account = Account(
            SID, "not-a-secret-12345", destination=lambda to: Destination((to,), "dial")
        )
        self.account = replace(self.account, **account)
        self.recorder = Recorder()
        self.ports = CallPorts(
            self.call,
            Agents(),
            self.client,  # type: ignore[arg-type]
            self.account,
            SoundCache(),
            recorder=self.recorder,
        )


def wav(seconds: float, rate: int = 16_000) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(bytes(2 * int(seconds * rate)))
        return file.getvalue()


async def test_answering_waits_until_both_sides_hear() -> None:
    scene = Scene()
    work = asyncio.ensure_future(scene.ports.answer())
    await asyncio.sleep(1)
    assert (scene.call.done, work.done()) == (["answered"], False)
    scene.call.confirmed.set()
    await work


async def test_what_a_document_is_asked_with() -> None:
    scene = Scene()
    await scene.ports.document(Fetch(3, "https://a.example/x", "POST", {"Digits": "1"}))
    scene.call.answered = True
    await scene.ports.document(Fetch(4, "https://a.example/x", "POST"))
    first, second = (dict(parse_qsl(one.body.decode())) for one in scene.client.asked)
    assert (first["CallStatus"], first["Digits"], first["AccountSid"]) == ("ringing", "1", SID)
    assert (second["CallStatus"], "Digits" in second) == ("in-progress", False)
    tokens = {one.headers["I-Twilio-Idempotency-Token"] for one in scene.client.asked}
    assert len(tokens) == 2
    assert all("X-Twilio-Signature" in one.headers for one in scene.client.asked)


@pytest.mark.parametrize("heard_s", [1.0, None])
async def test_a_sound_is_heard_to_its_end(heard_s: float | None) -> None:
    scene = Scene()
    scene.call.bridge.heard_s = heard_s
    scene.client.data = wav(0.5)
    await scene.ports.play("https://a.example/x.wav")
    assert scene.call.bridge.done == ["twiml:play 4000"]  # at 8 kHz
    assert scene.call.bridge.interruptible
    assert scene.call.listeners == []


async def test_a_sound_that_is_none() -> None:
    scene = Scene()
    with pytest.raises(NotPlayedError, match="answered 404"):
        await scene.ports.play("https://a.example/x.wav")
    scene.client.data = b"<html>Not found</html>"
    with pytest.raises(NotPlayedError, match="Play: it is neither WAV nor MP3"):
        await scene.ports.play("https://a.example/x.mp3")
    scene.client.data = wav(0.5)
    scene.call.bridge.heard_s = 3600
    with pytest.raises(NotPlayedError, match="not heard"):
        await scene.ports.play("https://a.example/x.wav")


async def test_a_sound_that_is_stopped() -> None:
    scene = Scene()
    scene.client.data = wav(0.5)
    scene.call.bridge.heard_s = 3600
    work = asyncio.ensure_future(scene.ports.play("https://a.example/x.wav"))
    while not scene.call.bridge.done:
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert scene.call.bridge.done[-1] == "cut by caller"
    assert scene.call.bridge.interruptible


@pytest.mark.parametrize(
    ("written", "spoken"), [("", "en"), ("de-AT", "de"), ("fr", "fr"), ("PT-br", "pt")]
)
async def test_what_is_said(monkeypatch: pytest.MonkeyPatch, written: str, spoken: str) -> None:
    said: list[tuple[str, str]] = []

    def speak(text: str, voice: str, _: int) -> Any:
        said.append((text, voice))
        if text == "bad":
            raise SoundError("espeak-ng is not installed")
        return np.zeros(800, np.int16)

    monkeypatch.setattr(call_ports, "spoken_text", speak)
    scene = Scene()
    await scene.ports.speak(Speak("hello", "alice", written))
    assert said == [("hello", spoken)]
    assert scene.call.bridge.done == ["twiml:say 800"]
    with pytest.raises(NotPlayedError, match="not installed"):
        await scene.ports.speak(Speak("bad"))


async def test_keys_with_pauses() -> None:
    scene = Scene()
    began = asyncio.get_running_loop().time()
    await scene.ports.send_keys("w12wwa#")
    sent = [
        (round(float(at) - began, 1), keys) for at, keys in map(str.split, scene.call.bridge.done)
    ]
    assert sent == [(0.5, "12"), (1.9, "A#")]


async def test_nobody_is_called_unless_it_is_allowed() -> None:
    call = Call()
    ports = CallPorts(call, Agents(), Client(), Account(SID), SoundCache())  # type: ignore[arg-type]
    assert await ports.dial(Dial((Number("+431"),))) == Dialled("failed")
    assert await ports.refer("sip:a@b") == Referred(403)
    assert sum("may not be called" in line for line in call.done) == 2


async def test_a_refer() -> None:
    scene = Scene()
    asked = Asked("sip:a@b", mode="refer")
    scene.call.outcomes[asked] = failed(405, "Method Not Allowed")
    assert await scene.ports.refer("sip:a@b") == Referred(405)
    assert scene.call.done == [f"transfer {asked}"]


async def test_the_ends_of_a_call() -> None:
    scene = Scene()
    scene.ports.reject("busy")
    scene.ports.reject("rejected")
    scene.ports.hang_up()
    scene.ports.give_up("it answered 500")
    scene.ports.remark(Remark(12_200, "a"))
    assert scene.call.done == [
        "agent_hangup 486",
        "agent_hangup 603",
        "agent_hangup 0",
        "engine_unreachable TwiML: it answered 500",
        "twilio.remark 12200 a",
    ]


async def test_streams_and_queues_are_the_agents() -> None:
    scene = Scene()
    await scene.ports.stream(Stream("wss://a"))
    assert await scene.ports.queue("people") == QueueLeft("bridged", 3)


async def test_a_beep_and_then_a_recording() -> None:
    scene = Scene()
    work = asyncio.ensure_future(scene.ports.record(RecordCaller(1, Record())))
    await asyncio.sleep(0.9)
    assert scene.recorder.begun == []
    await asyncio.sleep(0.2)
    assert scene.call.bridge.done == ["twiml:beep 4000"]
    assert scene.recorder.begun == [1]
    scene.ports.finish_recording(1)
    assert (await work).sid == "RE1"


async def test_a_recording_without_a_beep() -> None:
    scene = Scene()
    work = asyncio.ensure_future(scene.ports.record(RecordCaller(1, Record(play_beep=False))))
    await asyncio.sleep(0)
    assert (scene.recorder.begun, scene.call.bridge.done) == ([1], [])
    scene.ports.finish_recording(1)
    await work


async def test_a_beep_that_cannot_be_heard_is_a_remark() -> None:
    scene = Scene()
    scene.call.bridge.heard_s = 3600
    work = asyncio.ensure_future(scene.ports.record(RecordCaller(1, Record())))
    await asyncio.sleep(60)
    assert scene.recorder.begun == [1]
    assert "Record: beep" in scene.call.done[-1]
    scene.ports.finish_recording(1)
    await work


async def test_a_key_belongs_to_its_recording() -> None:
    """Also one that comes before that has begun to listen, or when it is over."""
    scene = Scene()
    first = asyncio.ensure_future(scene.ports.record(RecordCaller(1, Record())))
    scene.ports.finish_recording(1)
    assert (await first).sid == "RE1"
    second = asyncio.ensure_future(scene.ports.record(RecordCaller(2, Record())))
    await asyncio.sleep(5)
    assert not second.done()
    scene.ports.finish_recording(2)
    assert (await second).sid == "RE2"
