"""H9: an exception in the code of a session ends that session, and nothing lives on in silence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import EngineLost, Event, ResponseStarted, SessionReady
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engine_link.silence_feeder import SilenceFeeder
from sipua.bridge.engines import create
from sipua.bridge.fault_owner import FaultOwner
from support.engine.scripted_engine import Peer, scripted_engine

PCM_20_MS = bytes(960)


def broken(*_: object, **__: object) -> Any:
    raise KeyError("injected")


async def broken_later(*_: object, **__: object) -> Any:
    broken()


class Far:
    """A session's other side: the dialogue's, and the call's above it."""

    def __init__(self, url: str) -> None:
        engine = create("openai_realtime", EngineSettings(url=url, api_key="sk-1"))
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda _event: None
        self.causes: list[str] = []
        self.protocol: Any = engine.protocol
        above = FaultOwner("call.failed", structlog.get_logger(), self.causes.append)
        self.session = EngineSession(engine, on_event=self.hear, faults=above)

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self.react(event)

    async def until(self, happened: Callable[[], object]) -> None:
        """The promise is a second; a busy machine has more."""
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0.005)

    async def is_lost(self, where: str) -> None:
        await self.until(lambda: isinstance(self.events[-1], EngineLost))
        lost = EngineLost(0, f"internal error: {where}: KeyError", retryable=True, fault=True)
        assert self.events[-1] == lost
        assert self.session.state == "lost"
        assert self.session.counters()["internal_errors"] == 1
        assert self.causes == [], "the call goes on, with another session"
        before = len(self.events)
        self.session.append(PCM_20_MS)
        self.session.speak("Hello.")
        await self.session.close()
        assert len(self.events) == before


async def asked(peer: Peer) -> None:
    """Ready, and then it begins to answer when it is spoken to."""
    await peer.make_ready()
    await peer.expect("response.create")
    await peer.send("response.created", response={"id": "resp_1"})
    await peer.until_closed()


@asynccontextmanager
async def ready() -> AsyncIterator[Far]:
    async with scripted_engine(asked) as engine:
        far = Far(engine.url)
        await far.session.connect(5)
        yield far
        await far.session.close()


@pytest.mark.parametrize("part", ["receive", "take_outgoing"])
async def test_H9_the_protocol_in_the_websockets_reader(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ready() as far:
        monkeypatch.setattr(far.protocol, part, broken)
        with capture_logs() as logs:
            far.session.speak("Hello.")
            await far.is_lost("websocket reader")
        (line,) = [entry for entry in logs if entry["event"] == "engine.fault"]
        assert (line["log_level"], line["error"]) == ("error", "KeyError: 'injected'")


async def test_H9_whatever_hears_of_an_event() -> None:
    async with ready() as far:
        far.react = lambda event: broken() if isinstance(event, ResponseStarted) else None
        far.session.speak("Hello.")
        await far.is_lost("websocket reader")


@pytest.mark.parametrize(
    ("part", "where", "ask"),
    [
        ("append_audio", "append", lambda session: session.append(PCM_20_MS)),
        ("speak", "speak", lambda session: session.speak("Hello.")),
        ("truncate", "truncate", lambda session: session.truncate("item", 100)),
        ("cancel", "cancel", lambda session: session.cancel()),
        ("tool_result", "tool_result", lambda session: session.tool_result("call", "{}")),
    ],
)
async def test_H9_the_protocol_when_it_is_asked(
    part: str,
    where: str,
    ask: Callable[[EngineSession], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ready() as far:
        monkeypatch.setattr(far.protocol, part, broken)
        ask(far.session)
        await far.is_lost(where)


async def test_H9_a_lone_surrogate_in_what_the_engine_is_to_be_told() -> None:
    async with ready() as far:
        far.session.speak("\ud800")
        assert isinstance(far.events[-1], EngineLost)
        assert far.events[-1].reason == "internal error: speak: UnicodeEncodeError"


async def test_H9_the_websockets_watchdog_and_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with scripted_engine(silent) as engine:
        far = Far(engine.url)
        with monkeypatch.context() as patched:
            patched.setattr("websockets.asyncio.client.ClientConnection.ping", broken_later)
            with pytest.raises(EngineConnectError, match="internal error: websocket watchdog"):
                await far.session.connect(5)
    async with ready() as far:
        socket: Any = far.session._socket
        monkeypatch.setattr(type(socket), "_write", broken)
        socket._queue.append((b"{}", False))
        socket._connection.on_writable()
        await far.is_lost("websocket queue")


async def test_H9_the_clock_that_feeds_silence() -> None:
    causes: list[str] = []
    faults = FaultOwner("engine.fault", structlog.get_logger(), causes.append)
    clock = SilenceFeeder(broken, AudioFormat.PCM16, faults)
    clock.start()
    assert causes == ["internal error: input clock: KeyError"]
    clock.stop()


@pytest.mark.parametrize("part", ["start", "receive"])
async def test_H9_while_it_connects_it_is_a_session_that_cannot_be_made(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_engine(asked) as engine:
        far = Far(engine.url)
        monkeypatch.setattr(far.protocol, part, broken)
        with pytest.raises(EngineConnectError, match=r"internal error: .*KeyError") as caught:
            await far.session.connect(5)
        assert not caught.value.retryable
        assert far.session.state == "closed"
        assert far.events == []
        await far.session.close()


async def test_H9_a_goodbye_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ready() as far:
        monkeypatch.setattr(far.protocol, "goodbye", broken)
        await far.session.close()
        assert far.session.state == "closed"
        assert [type(event) for event in far.events] == [SessionReady]
        assert far.session.counters()["internal_errors"] == 1
        assert far.causes == []


async def test_H9_a_loss_that_cannot_be_told_is_the_calls_fault() -> None:
    def deaf(event: Event) -> None:
        if not isinstance(event, SessionReady):
            broken()

    async with ready() as far:
        far.react = deaf
        far.session.speak("Hello.")
        await far.until(lambda: far.causes)
        assert far.causes == ["internal error: websocket reader: KeyError"]
    async with scripted_engine(asked) as engine:
        far = Far(engine.url)
        far.react = deaf
        await far.session.connect(5)
        await engine.peers[0].connection.close(1012)
        await far.until(lambda: far.causes)
        assert far.causes == ["internal error: websocket reader: RuntimeError"]
        await far.session.close()
