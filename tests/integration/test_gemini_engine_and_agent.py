"""Our client of Gemini Live talks with our server of it, over a real websocket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import numpy as np
import pytest

from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.prompts import TEXTS, prompt
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineLost,
    Event,
    ResponseDone,
    SessionEnds,
    SessionHandle,
    SessionReady,
    ToolCall,
    Transcript,
    Unknown,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings, PastMessage
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from support.engine.gemini_engine import TOOL
from support.media import audio

GREETING = np.frombuffer(prompt("greeting").data, "<i2")
SPOKEN_HZ = 24_000
E = TypeVar("E", bound=Event)


class Call:
    def __init__(self, server: AgentServer, **settings: Any) -> None:
        settings = {"url": server.gemini_url, **settings}
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        engine = create("gemini_live", EngineSettings(**settings))
        self.session = EngineSession(engine, on_event=self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()

    def heard(self, name: str) -> audio.Pcm:
        pieces = [e.audio for e in self.of(AudioDelta) if e.item_id.endswith(name)]
        return np.frombuffer(b"".join(pieces), "<i2")

    async def say(self, pcm: audio.Pcm) -> None:
        data, size = pcm.astype("<i2").tobytes(), self.session.hears.bytes_per_ms * 20
        for start in range(0, len(data), size):
            self.session.append(data[start : start + size])
            await asyncio.sleep(0)

    async def ask(self, pcm: audio.Pcm) -> None:
        """Words, and the silence that ends them."""
        await self.say(np.concatenate([pcm, np.zeros(self.session.hears.rate_hz, np.int16)]))

    def done(self) -> list[str]:
        return [event.item_id.rpartition(".")[2] for event in self.of(AudioDone)]

    def no_complaints(self) -> None:
        assert self.of(Unknown) == self.of(EngineLost) == []
        counters = self.session.counters()
        assert {counters[name] for name in ("malformed", "bad_json", "unknown")} == {0}


@pytest.fixture
async def agent() -> AsyncIterator[AgentServer]:
    async with AgentServer(AgentSettings()) as server:
        yield server


async def test_M1_the_greeting_comes_while_nobody_speaks_yet(agent: AgentServer) -> None:
    call = Call(agent)
    await call.session.connect(20)
    call.session.speak("Greet the caller.")
    await call.until(lambda: call.of(Used))
    assert audio.find(GREETING, call.heard("assistant_1"), rate_hz=SPOKEN_HZ).score > 0.999
    (final,) = [event for event in call.of(Transcript) if event.final]
    assert (final.role, final.text) == ("assistant", TEXTS["greeting"])
    assert [event.status for event in call.of(ResponseDone)] == ["completed"]
    assert call.of(Used)[0].usage.audio_out > 0
    await call.session.close()
    call.no_complaints()


@pytest.mark.parametrize("form", [AudioFormat.PCM16_16K, AudioFormat.PCM16_8K])
async def test_the_parrot_answers_what_was_said(agent: AgentServer, form: AudioFormat) -> None:
    call = Call(agent, audio=form)
    await call.session.connect(20)
    assert (call.session.hears, call.session.speaks) == (form, AudioFormat.PCM16)
    said = audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, form.rate_hz)
    await call.ask(said)
    await call.until(lambda: call.of(Used))
    wide = audio.resample(said, form.rate_hz, SPOKEN_HZ)
    assert audio.find(wide, call.heard("assistant_1"), rate_hz=SPOKEN_HZ).score > 0.98
    finals = [(event.role, event.item_id.rpartition(".")[2]) for event in call.of(Transcript)]
    assert finals[0] == ("user", "user_1")
    await call.session.close()
    call.no_complaints()


async def test_M5_the_server_hears_who_speaks_into_its_answer_and_answers_that(
    agent: AgentServer,
) -> None:
    call = Call(agent)
    await call.session.connect(20)
    call.session.speak("Greet the caller.")
    await call.until(lambda: len(call.heard("assistant_1")))
    await call.ask(audio.tone(300, 800, 16_000))
    await call.until(lambda: call.of(Used)[1:])
    assert call.of(DropAudio) == [DropAudio()]
    assert len(call.heard("assistant_1")) < len(GREETING)
    assert [event.status for event in call.of(ResponseDone)] == ["cancelled", "completed"]
    assert call.done() == ["assistant_1", "assistant_2"]
    await call.session.close()
    call.no_complaints()


async def test_M7_a_tool_is_called_answered_and_spoken_about() -> None:
    step = Step(on="speech", call=(FunctionCall(name="clock", arguments='{"zone":"UTC"}'),))
    scenario = Scenario(steps=(step, Step(on="tool_result", tone_ms=500)))
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        call = Call(server, tools=[TOOL])
        await call.session.connect(20)
        await call.ask(audio.tone(300, 600, 16_000))
        await call.until(lambda: call.of(ToolCall))
        (wanted,) = call.of(ToolCall)
        assert (wanted.name, wanted.arguments) == ("clock", '{"zone":"UTC"}')
        assert call.done() == []
        call.session.tool_result(wanted.call_id, "12:00")
        await call.until(lambda: call.of(Used))
        assert len(call.heard("assistant_2")) == 500 * 24
        await call.session.close()
        call.no_complaints()


async def test_M7_who_interrupts_a_tool_cancels_it() -> None:
    step = Step(on="speech", call=(FunctionCall(name="clock"),))
    scenario = Scenario(steps=(step, Step(on="speech", tone_ms=500)))
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        call = Call(server, tools=[TOOL])
        await call.session.connect(20)
        await call.ask(audio.tone(300, 600, 16_000))
        await call.until(lambda: call.of(ToolCall))
        await call.ask(audio.tone(300, 600, 16_000))
        await call.until(lambda: "assistant_2" in call.done())
        assert call.session.counters()["tool_calls_cancelled"] == 1
        await call.session.close()
        call.no_complaints()


async def test_M2_a_session_goes_on_with_another_by_its_handle(agent: AgentServer) -> None:
    first = Call(agent)
    await first.session.connect(20)
    await first.until(lambda: first.of(SessionHandle))
    handle = first.of(SessionHandle)[0].handle
    early = Call(agent, handle=handle)
    with pytest.raises(EngineConnectError, match="1011") as caught:
        await early.session.connect(20)
    assert caught.value.retryable
    await first.session.close()
    second = Call(agent, handle=handle)
    await second.session.connect(20)
    await second.session.close()


async def test_M2_without_one_the_past_is_told_and_not_answered(agent: AgentServer) -> None:
    call = Call(agent, past=[PastMessage("user", "Hello?"), PastMessage("assistant", "Yes.")])
    await call.session.connect(20)
    assert call.of(SessionReady)[0].restored == 2
    call.session.speak(None)
    await call.until(lambda: call.of(Used))
    assert len(call.of(ResponseDone)) == 1
    await call.session.close()


async def test_M3_the_end_is_told_before_the_connection_ends() -> None:
    async with AgentServer(AgentSettings(session_limit_s=1.0)) as server:
        call = Call(server)
        await call.session.connect(20)
        await call.until(lambda: call.of(EngineLost))
        (ends,) = call.of(SessionEnds)
        assert ends.within_s == pytest.approx(0.2)
        assert call.of(EngineLost)[0].retryable
        assert call.events.index(ends) < len(call.events) - 1


async def test_M1_a_setting_that_the_server_refuses_is_told_with_its_words(
    agent: AgentServer,
) -> None:
    call = Call(agent, reasoning_effort="deep")
    with pytest.raises(EngineConnectError, match=r"1007.*thinkingLevel") as caught:
        await call.session.connect(20)
    assert not caught.value.retryable


async def test_M1_a_wrong_key_is_wrong_the_second_time_too() -> None:
    async with AgentServer(AgentSettings(api_key="right-key")) as server:
        call = Call(server, api_key="wrong-key")
        with pytest.raises(EngineConnectError) as caught:
            await call.session.connect(20)
        assert (caught.value.kind, caught.value.retryable) == ("unauthorized", False)
        assert "wrong-key" not in str(caught.value)
        right = Call(server, api_key="right-key")
        await right.session.connect(20)
        await right.session.close()


async def test_M4_M6_nonsense_and_a_minute_at_once_are_survived() -> None:
    scenario = Scenario(steps=(Step(garbage=faults.KINDS, burst_s=60),))
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        call = Call(server)
        await call.session.connect(20)
        call.session.speak("Greet the caller.")
        await call.until(lambda: call.done() == ["assistant_1"])
        assert len(call.heard("assistant_1")) >= 60 * SPOKEN_HZ
        counters = call.session.counters()
        for name in ("bad_json", "bad_base64", "malformed", "oversize"):
            assert counters[name] >= 1, name
        assert {event.type for event in call.of(Unknown)} >= {"error", "thoughts"}
        await call.session.close()


async def test_M7_where_we_take_turns_the_caller_is_answered_when_we_ask(
    agent: AgentServer,
) -> None:
    call = Call(agent, turn_detection=None)
    await call.session.connect(20)
    await call.ask(audio.tone(300, 600, 16_000))
    assert call.of(AudioDelta) == []
    call.session.speak(None)
    await call.until(lambda: call.of(Used))
    assert call.done() == ["assistant_1"]
    assert len(call.heard("assistant_1")) == pytest.approx(1600 * 24, abs=2400)
    await call.session.close()
    call.no_complaints()
