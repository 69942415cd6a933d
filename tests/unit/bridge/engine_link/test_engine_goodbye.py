"""The end of a session with an engine that wants a goodbye, and its time in silence."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from sipua.bridge.engine_api.base import EngineBase
from sipua.bridge.engine_api.events import Event, SessionReady, SpeechStarted, Usage, Used
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.engine_link import farewell
from sipua.bridge.engine_link.session import EngineSession
from support.engine.scripted_engine import Peer, scripted_engine

BILL = Used(Usage(seconds=12.5), "session")


class Polite(EngineBase):
    """A protocol with a first word and a last one, and nothing between."""

    name = "polite"
    hears = speaks = AudioFormat.PCMU

    def __init__(self, *, paced: bool = False) -> None:
        self.capabilities = Capabilities(
            speech_events=False, truncate=False, cancel=False, tools=False, paced_by_input=paced
        )
        self.over = False

    def start(self) -> Sequence[bytes]:
        return (b'{"type":"hello"}',)

    def receive(self, message: bytes | str) -> Sequence[Event]:
        kind = json.loads(message)["type"]
        if kind == "hello":
            return (SessionReady("sess_1"),)
        self.over = kind == "bye"
        return (SpeechStarted("item_1", 0), BILL)

    def append_audio(self, audio: bytes) -> bytes:
        return b'{"type":"audio","ff":%d,"bytes":%d}' % (audio.count(0xFF), len(audio))

    def goodbye(self) -> Sequence[bytes]:
        return (b'{"type":"bye"}',)

    def counters(self) -> dict[str, int]:
        return {}


async def hear(peer: Peer, kind: str) -> list[dict[str, Any]]:
    """All that comes up to the first message of this kind."""
    heard = []
    while True:
        heard.append(json.loads(await peer.connection.recv(decode=False)))
        if heard[-1]["type"] == kind:
            return heard


async def greet(peer: Peer) -> None:
    await hear(peer, "hello")
    await peer.send_raw(b'{"type":"hello"}')


async def connected(url: str, events: list[Event], *, paced: bool = False) -> EngineSession:
    session = EngineSession(Engine(Polite(paced=paced), url, {}), on_event=events.append)
    await session.connect(5)
    return session


async def test_the_bill_is_waited_for_and_is_the_only_thing_that_is_still_told() -> None:
    async def script(peer: Peer) -> None:
        await greet(peer)
        await hear(peer, "bye")
        await peer.send_raw(b'{"type":"bye"}')
        with pytest.raises(ConnectionClosed):
            await hear(peer, "nothing more")

    async with scripted_engine(script) as engine:
        events: list[Event] = []
        session = await connected(engine.url, events)
        await session.close()
        assert session.state == "closed"
        assert events == [SessionReady("sess_1"), BILL]
        assert engine.peers[0].connection.close_code == 1000


async def test_an_engine_that_owes_an_answer_to_the_goodbye_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(farewell, "LONGEST_S", 0.05)

    async def script(peer: Peer) -> None:
        await greet(peer)
        await hear(peer, "bye")
        await peer.until_closed()

    async with scripted_engine(script) as engine:
        events: list[Event] = []
        session = await connected(engine.url, events)
        await session.close()
        assert session.state == "closed"
        assert events == [SessionReady("sess_1")]


async def test_an_engine_that_hangs_up_at_the_goodbye_is_not_lost() -> None:
    async def script(peer: Peer) -> None:
        await greet(peer)
        await hear(peer, "bye")
        await peer.connection.close(1011)

    async with scripted_engine(script) as engine:
        events: list[Event] = []
        session = await connected(engine.url, events)
        await session.close()
        assert session.state == "closed"
        assert events == [SessionReady("sess_1")]


async def test_a_close_that_is_cancelled_leaves_no_connection() -> None:
    parting = asyncio.Event()
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await greet(peer)
        await hear(peer, "bye")
        parting.set()
        with pytest.raises(ConnectionClosed):
            await hear(peer, "nothing more")
        gone.set()

    async with scripted_engine(script) as engine:
        session = await connected(engine.url, [])
        closing = asyncio.create_task(session.close())
        await parting.wait()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        async with asyncio.timeout(20):
            await gone.wait()
        assert session.state == "closed"


async def test_an_engine_paced_by_its_input_is_fed_silence_until_there_is_audio() -> None:
    heard: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def script(peer: Peer) -> None:
        await greet(peer)
        while len(heard) < 3:
            heard.extend(await hear(peer, "audio"))
        enough.set()
        await hear(peer, "bye")

    async with scripted_engine(script) as engine:
        session = await connected(engine.url, [], paced=True)
        async with asyncio.timeout(20):
            await enough.wait()
        assert heard[0] == {"type": "audio", "ff": 800, "bytes": 800}
        assert session.counters()["silence_fed_ms"] >= 300
        # Audio at the pace of a call: no silence comes between.
        for _ in range(25):
            session.append(bytes(160))
            await asyncio.sleep(0.02)
        fed_ms = session.counters()["silence_fed_ms"]
        for _ in range(10):
            session.append(bytes(160))
            await asyncio.sleep(0.02)
        assert session.counters()["silence_fed_ms"] == fed_ms
        await session.close()


async def test_no_other_engine_is_fed_anything() -> None:
    async with scripted_engine(_until_closed) as engine:
        session = await connected(engine.url, [])
        await asyncio.sleep(0.25)
        await session.close()
        assert "silence_fed_ms" not in session.counters()
        assert engine.peers[0].received == []


async def _until_closed(peer: Peer) -> None:
    await greet(peer)
    await hear(peer, "bye")
    await peer.send_raw(b'{"type":"bye"}')


class Curt(Polite):
    """It answers nothing, neither at the beginning nor at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._events: list[Event] = []

    def start(self) -> Sequence[bytes]:
        self._events.append(SessionReady("sess_1"))
        return super().start()

    def take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def append_audio(self, audio: bytes) -> bytes:
        self._events.append(SpeechStarted("by the audio", 0))
        return super().append_audio(audio)

    def goodbye(self) -> Sequence[bytes]:
        self.over = True
        return super().goodbye()


async def test_an_engine_that_answers_nothing_is_ready_at_once_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(farewell, "LONGEST_S", 3600)

    async def script(peer: Peer) -> None:
        await hear(peer, "bye")

    async with scripted_engine(script) as engine:
        events: list[Event] = []
        session = EngineSession(Engine(Curt(), engine.url, {}), on_event=events.append)
        await session.connect(5)
        session.append(b"\xff")
        async with asyncio.timeout(20):
            await session.close()
        assert events == [SessionReady("sess_1"), SpeechStarted("by the audio", 0)]
