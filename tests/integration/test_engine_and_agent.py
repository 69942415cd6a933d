"""Our client of the protocol talks with our server of it, over a real websocket.

They were written apart, each by the vendor's types; here they must understand each other, in every
dialect.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import numpy as np
import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    EngineLost,
    Event,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    Unknown,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
from support.media import audio

RATE_HZ = 24_000
E = TypeVar("E", bound=Event)


class Call:
    def __init__(self, url: str, dialect: str = "ga", **settings: Any) -> None:
        address = f"{url}?dialect={dialect}"
        engine = create("local", EngineSettings(url=address, dialect=dialect, **settings))
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda _event: None
        self._arrived = asyncio.Event()
        self.session = EngineSession(engine, on_event=self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()
        self.react(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], object], timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()

    def heard(self, item_id: str) -> audio.Pcm:
        pcm = b"".join(event.audio for event in self.of(AudioDelta) if event.item_id == item_id)
        return np.frombuffer(pcm, "<i2")

    def say(self, pcm: audio.Pcm) -> None:
        """As fast as it goes: the server counts samples, not seconds."""
        for start in range(0, len(pcm), 480):
            self.session.append(pcm[start : start + 480].tobytes())


@pytest.fixture
async def agent() -> AsyncIterator[AgentServer]:
    async with AgentServer(AgentSettings(speed=100)) as server:
        yield server


def caller() -> audio.Pcm:
    return audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, RATE_HZ)


def no_complaints(call: Call) -> None:
    assert call.of(EngineFault) == []
    assert call.of(Unknown) == []
    counters = call.session.counters()
    for name in ("faults", "unknown", "malformed", "bad_json", "bad_base64", "internal_errors"):
        assert counters[name] == 0, name


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_greeting_then_the_parrot_answers(agent: AgentServer, dialect: str) -> None:
    call = Call(agent.url, dialect)
    await call.session.connect(5)
    call.session.speak("Greet the caller.")
    await call.until(lambda: call.of(ResponseDone))
    assert call.of(ResponseDone)[0].status == "completed"
    greeting = call.of(AudioDone)[0].item_id
    assert len(call.heard(greeting)) > RATE_HZ // 2

    said = caller()
    call.say(np.concatenate([said, audio.silence(1000, RATE_HZ)]))
    await call.until(lambda: len(call.of(ResponseDone)) == 2)
    assert len(call.of(SpeechStarted)) == len(call.of(SpeechStopped)) == 1
    answer = call.of(AudioDone)[1].item_id
    assert audio.find(said[RATE_HZ // 2 : RATE_HZ], call.heard(answer), RATE_HZ).score > 0.9
    no_complaints(call)
    await call.session.close()


async def test_M5_barge_in_is_accepted_by_the_server(dialect: str) -> None:
    def react(event: Event) -> None:
        if isinstance(event, SpeechStarted):
            item_id = call.of(AudioDelta)[-1].item_id
            call.session.truncate(item_id, 140)
            call.session.cancel()

    async with AgentServer(AgentSettings(speed=1)) as agent:  # still sending when interrupted
        call = Call(agent.url, dialect)
        call.react = react
        await call.session.connect(5)
        call.session.speak(None)
        await call.until(lambda: call.of(AudioDelta))
        call.say(caller())
        await call.until(lambda: call.of(ResponseDone))
        assert call.of(ResponseDone)[0].status == "cancelled"
        call.say(audio.silence(1000, RATE_HZ))
        await call.until(lambda: call.of(SpeechStopped))
        counters = call.session.counters()
        assert (counters["truncated"], counters["cancelled"]) == (1, 0)
        no_complaints(call)
        await call.session.close()


async def test_M5_cancel_by_us_is_accepted_by_the_server(dialect: str) -> None:
    async with AgentServer(AgentSettings(speed=1)) as agent:
        call = Call(agent.url, dialect, turn_detection={"interrupt_response": False})
        await call.session.connect(5)
        call.session.speak(None)
        await call.until(lambda: call.of(AudioDelta))
        item_id = call.of(AudioDelta)[0].item_id
        call.session.truncate(item_id, 1_000_000)
        call.session.cancel()
        await call.until(lambda: call.of(ResponseDone))
        assert call.of(ResponseDone)[0].status == "cancelled"
        held_ms = len(call.heard(item_id)) * 2 // AudioFormat.PCM16.bytes_per_ms
        assert held_ms > 0
        no_complaints(call)
        await call.session.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"turn_detection": None},
        {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}},
        {"transcription": {"model": "gpt-transcribe"}, "noise_reduction": {"type": "near_field"}},
        {"voice": "marin", "speed": 1.1, "max_output_tokens": 200, "model": "any"},
    ],
)
async def test_every_configuration_is_taken(agent: AgentServer, settings: dict[str, Any]) -> None:
    call = Call(agent.url, **settings)
    await call.session.connect(5)
    no_complaints(call)
    await call.session.close()


@pytest.mark.parametrize("header", ["", "api-key"])
async def test_M1_the_wrong_key(header: str, dialect: str) -> None:
    def call_with(key: str) -> Call:
        return Call(agent.url, dialect, api_key=key, key_header=header)

    async with AgentServer(AgentSettings(api_key="right-key")) as agent:
        with pytest.raises(EngineConnectError) as caught:
            await call_with("wrong-key").session.connect(5)
        assert (caught.value.kind, caught.value.code) == ("unauthorized", "invalid_api_key")
        call = call_with("right-key")
        await call.session.connect(5)
        await call.session.close()


async def test_M1_no_room_for_another_session(dialect: str) -> None:
    async with AgentServer(AgentSettings(max_sessions=1)) as agent:
        first = Call(agent.url, dialect)
        await first.session.connect(5)
        with pytest.raises(EngineConnectError) as caught:
            await Call(agent.url, dialect).session.connect(5)
        assert (caught.value.kind, caught.value.retryable) == ("server", True)
        await first.session.close()


async def test_M2_the_server_goes_away(dialect: str) -> None:
    async with AgentServer(AgentSettings()) as agent:
        call = Call(agent.url, dialect)
        await call.session.connect(5)
    await call.until(lambda: call.of(EngineLost))
    assert call.of(EngineLost)[0].retryable
    await call.session.close()


async def test_M3_the_session_ends_by_itself(dialect: str) -> None:
    async with AgentServer(AgentSettings(session_limit_s=0.2)) as agent:
        call = Call(agent.url, dialect)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineLost))
    fault = call.of(EngineFault)[0]
    assert (fault.code, fault.fatal) == ("session_expired", True)
    assert call.of(EngineLost)[0].retryable
    await call.session.close()
