"""The local agent in the parts of Deepgram and ElevenLabs, over real websockets: with our sessions,
with conversations that outlive them, and with the vendors' own clients."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from deepgram import DeepgramClient
from deepgram.agent.v1.types import (
    AgentV1ConversationText,
    AgentV1InjectUserMessage,
    AgentV1Settings,
)
from deepgram.environment import DeepgramClientEnvironment
from elevenlabs.client import ElevenLabs

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.formats import PCM, PCMU, converted, linear
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineHangsUp,
    EngineLost,
    Event,
    SpeechStarted,
    ToolCall,
    Transcript,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage
from support.engine.line import turn_state
from support.engine.vendor_client import MULAW
from support.media import audio, g711

with warnings.catch_warnings():  # it names a class of `websockets` that is old
    warnings.simplefilter("ignore", DeprecationWarning)
    from elevenlabs.conversational_ai.conversation import AudioInterface, ClientTools, Conversation

KEY = "local-agent-key"
GREETING = converted(prompt("greeting"), PCMU).data
SAID = g711.encode(g711.PCMU, audio.speech("short"))
FRAME = b"\xff" * 160
KINDS = pytest.mark.parametrize("kind", ["deepgram_agent", "elevenlabs_agent"])
E = TypeVar("E")


def settings(kind: str, server: AgentServer, **more: Any) -> EngineSettings:
    urls = {"deepgram_agent": server.deepgram_url, "elevenlabs_agent": server.elevenlabs_url}
    more.setdefault("audio", AudioFormat.PCMU)
    more.setdefault("agent_id", "ulaw_8000")
    return EngineSettings(url=urls[kind], **more)


class Call:
    def __init__(self, kind: str, server: AgentServer, **more: Any) -> None:
        self.events: list[Event] = []
        engine = create(kind, settings(kind, server, **more))
        self.session = EngineSession(engine, on_event=self.events.append)
        self._greets = kind == "elevenlabs_agent"

    async def greeted(self) -> None:
        await self.session.connect(10)
        if not self._greets:
            self.session.speak("Greet the caller.")
        await self.listen(lambda: self.of(AudioDone))

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard(self) -> bytes:
        return b"".join(delta.audio for delta in self.of(AudioDelta))

    async def say(self, mulaw: bytes) -> None:
        for begin in range(0, len(mulaw), 160):
            self.session.append(mulaw[begin : begin + 160])
            await asyncio.sleep(0.005)  # slower than the agent speaks

    async def listen(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.say(FRAME)


@KINDS
async def test_a_conversation(kind: str) -> None:
    wanted = Step(on="speech", call=(FunctionCall(name="clock"),))
    talk = Step(on="tool_result", tone_ms=3000)
    scenario = Scenario(steps=(wanted, talk))
    async with AgentServer(AgentSettings(api_key=KEY, scenario=scenario)) as server:
        call = Call(kind, server, api_key=KEY)
        await call.greeted()
        assert call.heard() == GREETING
        await call.say(SAID)
        await call.listen(lambda: call.of(ToolCall))
        (asked,) = call.of(ToolCall)
        before = len(call.heard())
        call.session.tool_result(asked.call_id, "noon", respond=True)
        await call.listen(lambda: len(call.heard()) > before)
        await call.say(SAID)  # into the answer
        await call.listen(lambda: len(call.of(AudioDone)) > 2)
        assert call.of(SpeechStarted if kind == "deepgram_agent" else DropAudio)
        words = [one for one in call.of(Transcript) if one.role == "user"]
        assert len(words) == 2
        counters = call.session.counters()
        wrong = ("unknown", "malformed", "bad_json", "faults", "late_deltas")
        assert [counters[name] for name in wrong] == [0] * len(wrong)
        await call.session.close()
        assert call.of(EngineLost) == []
        assert call.of(EngineHangsUp) == []


@KINDS
async def test_M1_the_wrong_key(kind: str) -> None:
    async with AgentServer(AgentSettings(api_key=KEY)) as server:
        for key in ("another", ""):
            with pytest.raises(EngineConnectError) as refused:
                await Call(kind, server, api_key=key).session.connect(5)
            assert (refused.value.kind, refused.value.status) == ("unauthorized", 401)


@pytest.mark.parametrize(("form", "wire"), [("pcm_16000", linear(16_000)), ("pcm_24000", PCM)])
async def test_an_agent_of_another_format(form: str, wire: Any) -> None:
    async with AgentServer(AgentSettings()) as server:
        call = Call("elevenlabs_agent", server, agent_id=form)
        await call.session.connect(5)
        async with asyncio.timeout(20):
            while not call.heard().endswith(converted(prompt("greeting"), wire).data[-640:]):
                await asyncio.sleep(0.01)
        await call.session.close()


class LongCall:
    """It outlives its sessions."""

    def __init__(self, kind: str, server: AgentServer) -> None:
        self.pasts: list[int] = []
        self._kind = kind

        def made(past, _handle):  # type: ignore[no-untyped-def]
            self.pasts.append(len(past))
            return create(kind, settings(kind, server, past=past))

        self.events: list[ConversationEvent] = []
        self.dialogue = Dialogue(
            [EngineChoice("agent", made, 20.0)],
            policy=DialoguePolicy(backoff_s=0.0),
            on_event=self.events.append,
            turns=turn_state(),
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def say(self, mulaw: bytes) -> None:
        for begin in range(0, len(mulaw), 160):
            self.dialogue.append(mulaw[begin : begin + 160])
            await asyncio.sleep(0.001)

    async def listen(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.say(FRAME)


@KINDS
@pytest.mark.parametrize(
    "fault", [{"close": 1011}, {"cut": True}, {"fail": "REHEARSED"}], ids=["close", "cut", "fail"]
)
async def test_M2_an_agent_that_is_lost_in_an_answer_is_found_again(
    kind: str, fault: dict[str, Any]
) -> None:
    lost = Step(on="speech", tone_ms=2000, after_ms=500, scope="server", **fault)
    async with AgentServer(AgentSettings(scenario=Scenario(steps=(lost,)))) as server:
        call = LongCall(kind, server)
        await call.dialogue.connect(20)
        if kind == "deepgram_agent":
            call.dialogue.speak("Greet the caller.")
        await call.listen(lambda: call.of(AudioDone))
        await call.say(SAID)
        await call.listen(lambda: len(call.of(EngineInUse)) == 2)
        assert len(call.of(EngineOutage)) == 1
        assert call.pasts[1] > 0
        before = len(call.of(AudioDone))
        await call.say(SAID)
        await call.listen(lambda: len(call.of(AudioDone)) > before)
        assert call.of(EngineGone) == []
        await call.dialogue.close()


# The vendors' own clients


@pytest.mark.filterwarnings("ignore:websockets.*deprecated:DeprecationWarning")
async def test_deepgrams_client_holds_a_conversation() -> None:
    async with AgentServer(AgentSettings(api_key=KEY)) as server:
        heard, said = await asyncio.to_thread(_talk_with_deepgrams, server.deepgram_url)
        assert GREETING in heard
        assert audio.is_in(audio.speech("short"), g711.decode(g711.PCMU, heard[len(GREETING) :]))
        assert [role for role, _ in said] == ["user", "assistant", "user", "assistant"]


def _talk_with_deepgrams(url: str) -> tuple[bytes, list[tuple[str, str]]]:
    base = url.removesuffix("/v1/agent/converse")
    where = DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base)
    heard, said, done = b"", [], 0
    model = {"provider": {"type": "deepgram", "model": "m"}}
    agent = {
        "listen": model,
        "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}},
        "speak": model,
    }
    audio_settings = {"input": MULAW, "output": MULAW}
    with DeepgramClient(api_key=KEY, environment=where).agent.v1.connect() as client:
        client.send_settings(AgentV1Settings(audio=audio_settings, agent=agent))
        for message in client:
            if isinstance(message, bytes):
                heard += message
                continue
            if isinstance(message, AgentV1ConversationText):
                said.append((message.role, message.content))
            if message.type == "SettingsApplied":
                client.send_inject_user_message(AgentV1InjectUserMessage(content="Hello?"))
            if message.type == "AgentAudioDone":
                done += 1
                if done == 2:
                    break
                for begin in range(0, len(SAID), 160):
                    client.send_media(SAID[begin : begin + 160])
                for _ in range(60):
                    client.send_media(FRAME)
    return heard, said


class Phone(AudioInterface):  # type: ignore[misc]  # not typed
    def __init__(self) -> None:
        self.known = threading.Condition()
        self.heard = b""
        self.interrupted = 0
        self.say: Callable[[bytes], None] = lambda _: None

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        self.say = input_callback

    def stop(self) -> None:
        """It has nothing to stop."""

    def output(self, audio: bytes) -> None:
        with self.known:
            self.heard += audio
            self.known.notify_all()

    def interrupt(self) -> None:
        self.interrupted += 1


async def test_elevenlabs_client_holds_a_conversation() -> None:
    wanted = Step(on="speech", call=(FunctionCall(name="clock", arguments='{"zone":"UTC"}'),))
    answer = Step(on="tool_result", tone_ms=4000)
    scenario = Scenario(steps=(wanted, answer))
    async with AgentServer(AgentSettings(api_key=KEY, scenario=scenario)) as server:
        phone, asked, said = await asyncio.to_thread(_talk_with_elevenlabs, server.port)
    assert asked == ["UTC"]
    assert phone.heard.startswith(GREETING)
    assert phone.interrupted == 2  # in the greeting, and in the answer
    assert said[0] == prompt("greeting").transcript


def _talk_with_elevenlabs(port: int) -> tuple[Phone, list[str], list[str]]:
    phone, tools, asked, said = Phone(), ClientTools(), [], []
    known = phone.known

    def note(where: list[Any], what: Any) -> None:
        with known:
            where.append(what)
            known.notify_all()

    def clock(parameters: dict[str, Any]) -> str:
        note(asked, parameters["zone"])
        return "noon"

    def wait(condition: Callable[[], object]) -> None:
        with known:
            assert known.wait_for(condition, 30)

    tools.register("clock", clock)
    talk = Conversation(
        ElevenLabs(api_key=KEY, base_url=f"http://127.0.0.1:{port}"),
        "ulaw_8000",
        requires_auth=True,
        audio_interface=phone,
        client_tools=tools,
        callback_agent_response=lambda words: note(said, words),
    )
    talk.start_session()
    try:
        wait(lambda: len(phone.heard) >= len(GREETING))
        for number in (2, 3):  # by a tool; into that answer
            for begin in range(0, len(SAID), 160):
                phone.say(SAID[begin : begin + 160])
            for _ in range(60):
                phone.say(FRAME)
            wait(lambda number=number: len(said) >= number)
    finally:
        talk.end_session()
        tools.stop()
    return phone, asked, said
