"""Another engine takes one file and one entry in the registry: here is the file, and the entry.

It holds a conversation through the same session, websocket and all, and can be configured by name.
"""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from sipua.bridge import engines
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineLost,
    Event,
    SessionReady,
    SpeechStarted,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import EngineKind, create
from support.engine.scripted_engine import Peer, scripted_engine


class Toy:
    """A protocol of binary audio and of words."""

    name = "toy"
    capabilities = Capabilities(
        speech_events=True,
        truncate=False,
        cancel=True,
        tools=False,
        formats=frozenset({AudioFormat.PCMU}),
    )
    format = AudioFormat.PCMU
    over = False

    def __init__(self) -> None:
        self._odd = 0

    def start(self) -> Sequence[bytes]:
        return (b"hello",)

    def receive(self, message: bytes | str) -> Sequence[Event]:
        text = message.encode() if isinstance(message, str) else message
        word, _, rest = text.partition(b" ")
        if word == b"welcome":
            return (SessionReady(rest.decode()),)
        if word == b"audio":
            return (AudioDelta("item", 0, rest),)
        if word == b"silence":
            return (AudioDone("item"),)
        if word == b"listening":
            return (SpeechStarted("turn", 0),)
        self._odd += 1
        return ()

    def take_outgoing(self) -> Sequence[bytes]:
        return ()

    def append_audio(self, audio: bytes) -> bytes:
        return b"audio " + audio

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        return (b"say " + (instructions or "anything").encode(),)

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        return ()

    def cancel(self) -> Sequence[bytes]:
        return (b"hush",)

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        return ()

    def goodbye(self) -> Sequence[bytes]:
        return ()

    def counters(self) -> dict[str, int]:
        return {"odd": self._odd}


def toy(settings: EngineSettings) -> Engine:
    return Engine(Toy(), settings.url, {"X-Model": settings.model})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: Mapping[str, EngineKind] = {**engines.ENGINES, "toy": EngineKind(toy, model="toy-1")}
    monkeypatch.setattr(engines, "ENGINES", kinds)


@pytest.mark.usefixtures("registered")
async def test_a_conversation_with_an_engine_that_nobody_knows() -> None:
    heard: list[bytes] = []

    async def talk(peer: Peer) -> None:
        async def hear() -> None:
            message = await peer.connection.recv(decode=False)
            assert isinstance(message, bytes)
            heard.append(message)

        await hear()
        await peer.send_raw(b"welcome toy-session")
        await hear()
        for message in (b"audio \x7f\x7f", b"gibberish", b"silence", b"listening"):
            await peer.send_raw(message)
        await hear()
        await hear()
        await peer.connection.close(1012, "restart")

    events: list[Event] = []
    over = asyncio.Event()

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, SpeechStarted):
            session.truncate("item", 1)
            session.cancel()
            session.append(b"\xff\xff")
        elif isinstance(event, EngineLost):
            over.set()

    async with scripted_engine(talk) as server:
        engine = create("toy", EngineSettings(url=server.url))
        session = EngineSession(engine.protocol, engine.url, engine.headers, on_event=on_event)
        await session.connect(5)
        assert session.format is AudioFormat.PCMU
        session.speak("Hello.")
        async with asyncio.timeout(20):
            await over.wait()
        await session.close()
        assert server.requests[0].headers["X-Model"] == "toy-1"
    assert events == [
        SessionReady("toy-session"),
        AudioDelta("item", 0, b"\x7f\x7f"),
        AudioDone("item"),
        SpeechStarted("turn", 0),
        EngineLost(1012, "restart", retryable=True),
    ]
    assert heard == [b"hello", b"say Hello.", b"hush", b"audio \xff\xff"]
    assert session.counters()["odd"] == 1


CONFIGURE = """
import sipua.bridge.engines as engines
engines.ENGINES = {**engines.ENGINES, "toy": engines.EngineKind(lambda s: None, needs_key=False)}
from sipua.config.checks.engine import engines as findings
from sipua.config.sections.config import Config
from sipua.config.sections.schema import keys
config = Config.model_validate({"engine": {"type": "toy"}})
assert list(findings(config)) == []
print(config.engine.type, "toy" in keys()[("engine", "type")].choices)
"""


def test_it_can_be_configured_by_its_name_and_nothing_else_knows_of_it() -> None:
    """In a process of its own: the choices are made when the configuration is imported."""
    ran = subprocess.run([sys.executable, "-c", CONFIGURE], capture_output=True, check=True)
    assert ran.stdout == b"toy True\n"
