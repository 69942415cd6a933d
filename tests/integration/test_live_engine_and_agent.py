"""Our client of Live talks with our server of it, over a real websocket, at the pace of a call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import numpy as np
import pytest

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.prompts import TEXTS, prompt
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    EngineLost,
    Event,
    ResponseDone,
    SessionReady,
    ToolCall,
    Transcript,
    Unknown,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings, PastMessage
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from sipua.codecs.g711 import Law, decode
from support.media import audio

RATE_HZ = 24_000
GREETING = np.frombuffer(prompt("greeting").data, "<i2")
TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}
E = TypeVar("E", bound=Event)


class Call:
    def __init__(self, server: AgentServer, **settings: Any) -> None:
        url = settings.pop("url", server.live_url)
        engine = create("openai_live", EngineSettings(url=url, model="gpt-live-1", **settings))
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        self.session = EngineSession(engine, on_event=self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], object], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()

    def heard(self, name: str) -> bytes:
        return b"".join(e.audio for e in self.of(AudioDelta) if _short(e.item_id) == name)

    def full(self, name: str) -> str:
        return next(e.item_id for e in self.of(AudioDelta) if _short(e.item_id) == name)

    async def say(self, data: bytes) -> None:
        """Faster than it would be spoken, for the server's time is the audio's; but in turns with
        the answers, as in a call."""
        size = self.session.hears.bytes_per_ms * 20
        for start in range(0, len(data), size):
            self.session.append(data[start : start + size])
            await asyncio.sleep(0.001)

    async def wait(self, ms: int) -> None:
        form = self.session.hears
        silent = 0 if form is AudioFormat.PCM16 else Law[form.name].silence
        await self.say(bytes([silent]) * (form.bytes_per_ms * ms))

    def done(self) -> list[str]:
        return [_short(event.item_id) for event in self.of(AudioDone)]

    def no_complaints(self) -> None:
        assert self.of(EngineFault) == []
        assert self.of(Unknown) == []
        assert self.of(EngineLost) == []
        counters = self.session.counters()
        assert {counters[name] for name in ("malformed", "bad_json", "unknown")} == {0}


def _short(item_id: str) -> str:
    """Without what sets the session apart."""
    return item_id.rpartition(".")[2]


@pytest.fixture
async def agent() -> AsyncIterator[AgentServer]:
    async with AgentServer(AgentSettings()) as server:
        yield server


async def test_M1_the_greeting_comes_while_nobody_speaks_yet(agent: AgentServer) -> None:
    """As while the phone rings: the call has no audio to give, the clock feeds silence."""
    call = Call(agent)
    await call.session.connect(5)
    call.session.speak("Greet the caller.")
    await call.until(lambda: call.done() == ["assistant_1"])
    heard = np.frombuffer(call.heard("assistant_1"), "<i2")
    assert audio.find(GREETING, heard, rate_hz=RATE_HZ).score > 0.999
    item = call.full("assistant_1")
    assert Transcript(item, "assistant", TEXTS["greeting"], final=True) in call.events
    assert call.session.counters()["silence_fed_ms"] >= len(GREETING) * 1000 // RATE_HZ
    await call.session.close()
    call.no_complaints()


async def test_the_parrot_answers_what_was_said(agent: AgentServer) -> None:
    call = Call(agent)
    await call.session.connect(5)
    said = audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, RATE_HZ)
    await call.say(said.tobytes())
    await call.wait(len(said) * 1000 // RATE_HZ + 2500)
    await call.until(lambda: call.done() == ["assistant_1"])
    heard = np.frombuffer(call.heard("assistant_1"), "<i2")
    assert audio.find(said, heard, rate_hz=RATE_HZ).score > 0.99
    finals = [(event.role, _short(event.item_id)) for event in call.of(Transcript) if event.final]
    assert finals == [("user", "user_1"), ("assistant", "assistant_1")]
    await call.session.close()
    call.no_complaints()


@pytest.mark.parametrize("law", list(Law))
async def test_G711_passes_as_it_is(agent: AgentServer, law: Law) -> None:
    call = Call(agent, audio=AudioFormat[law.name])
    await call.session.connect(5)
    assert call.session.hears is AudioFormat[law.name]
    call.session.speak(None)
    await call.wait(len(GREETING) * 1000 // RATE_HZ + 1500)
    await call.until(lambda: call.done() == ["assistant_1"])
    heard = decode(law, call.heard("assistant_1"))
    narrow = audio.resample(GREETING, RATE_HZ, audio.PHONE_RATE_HZ)
    assert audio.find(narrow, heard, rate_hz=audio.PHONE_RATE_HZ).score > 0.99
    await call.session.close()


async def test_M5_an_interruption_drops_what_was_being_said_and_not_the_answer(
    agent: AgentServer,
) -> None:
    call = Call(agent)
    await call.session.connect(5)
    call.session.speak("Greet the caller.")
    await call.wait(1500)
    await call.until(lambda: call.heard("assistant_1"))
    said = audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, RATE_HZ)
    await call.say(said[: RATE_HZ // 5].tobytes())
    call.session.truncate(call.full("assistant_1"), 500)
    call.session.cancel()
    got = len(call.heard("assistant_1"))
    await call.say(said[RATE_HZ // 5 :].tobytes())
    await call.wait(len(said) * 1000 // RATE_HZ + 2500)
    await call.until(lambda: call.done() == ["assistant_1", "assistant_2"])
    assert len(call.heard("assistant_1")) == got
    assert call.session.counters()["late_ms"] > 0
    heard = np.frombuffer(call.heard("assistant_2"), "<i2")
    assert audio.find(said[RATE_HZ // 2 :], heard, rate_hz=RATE_HZ).score > 0.98
    assert [event.status for event in call.of(ResponseDone)] == ["cancelled", "completed"]
    await call.session.close()
    call.no_complaints()


async def test_M7_a_tool_is_called_answered_and_spoken_about() -> None:
    step = Step(on="speech", call=(FunctionCall(name="clock", arguments='{"zone":"UTC"}'),))
    scenario = Scenario(steps=(step, Step(on="tool_result", tone_ms=500)))
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        call = Call(server, tools=[TOOL])
        await call.session.connect(5)
        await call.say(audio.tone(300, 600, RATE_HZ).tobytes())
        await call.wait(1000)
        await call.until(lambda: call.of(ToolCall))
        (wanted,) = call.of(ToolCall)
        assert (wanted.name, wanted.arguments) == ("clock", '{"zone":"UTC"}')
        assert call.done() == []
        call.session.tool_result(wanted.call_id, "12:00")
        await call.wait(2000)
        await call.until(lambda: call.done() == ["assistant_1"])
        await call.session.close()
        call.no_complaints()


async def test_the_bill_comes_with_the_goodbye(agent: AgentServer) -> None:
    call = Call(agent)
    await call.session.connect(5)
    await call.wait(16_000)
    await call.session.close()
    used = sum(event.usage.seconds for event in call.of(Used))
    assert len(call.of(Used)) == 2
    assert 16 <= used <= 18
    assert call.of(EngineLost) == []
    assert call.session.counters()["messages_unsent"] == 0


async def test_a_session_continues_another(agent: AgentServer) -> None:
    call = Call(agent, past=[PastMessage("user", "Hello?"), PastMessage("assistant", "Yes.")])
    await call.session.connect(5)
    (ready,) = call.of(SessionReady)
    assert ready.restored == 2
    await call.session.close()


async def test_M2_the_session_limit_is_told_before_the_connection_ends() -> None:
    async with AgentServer(AgentSettings(session_limit_s=0.5)) as server:
        call = Call(server)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineLost))
        (fault,) = call.of(EngineFault)
        assert (fault.code, fault.fatal) == ("session_expired", True)
        await call.session.close()
