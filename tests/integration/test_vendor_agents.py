"""Our sessions with Deepgram's and ElevenLabs' agents over real websockets: local servers in the
vendors' parts, which check all that they are told."""

import asyncio
import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    DropAudio,
    EngineFault,
    EngineHangsUp,
    EngineLost,
    Event,
    ResponseDone,
    SpeechStarted,
    ToolCall,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from support.engine.vendor_agent import (
    SIGNATURE,
    Conversation,
    Deepgram,
    ElevenLabs,
    VendorAgent,
    signs,
    vendor_agent,
)

KEY = "vendor-secret-key"
SOUND = bytes(range(256)) * 25
FRAME = b"\xfe" * 160
E = TypeVar("E", bound=Event)


class Call:
    def __init__(self, kind: str, agent: VendorAgent, **settings: Any) -> None:
        settings.setdefault("audio", AudioFormat.PCMU)
        settings.setdefault("api_key", KEY)
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        engine = create(kind, EngineSettings(url=agent.url, **settings))
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

    def heard(self) -> bytes:
        return b"".join(delta.audio for delta in self.of(AudioDelta))


# Deepgram


def deepgram_ready(talk: Conversation) -> None:
    talk.say("Welcome", request_id="req_1")
    talk.wait_for("Settings")
    talk.say("SettingsApplied")


def deepgram_says(talk: Conversation, words: str) -> None:
    talk.say("ConversationText", role="assistant", content=words)
    for start in range(0, len(SOUND), 1000):
        talk.say_raw(SOUND[start : start + 1000])
    talk.say("AgentAudioDone")


async def test_deepgram_a_conversation() -> None:
    def script(talk: Conversation) -> None:
        deepgram_ready(talk)
        asked = talk.wait_for("InjectUserMessage")
        talk.say("ConversationText", role="user", content=asked["content"])
        deepgram_says(talk, "Hello.")
        talk.wait(lambda: FRAME * 5 in bytes(talk.heard))
        talk.say("UserStartedSpeaking")
        talk.say("ConversationText", role="user", content="The time?")
        function = {"id": "f1", "name": "clock", "arguments": "{}", "client_side": True}
        talk.say("FunctionCallRequest", functions=[function])
        talk.wait_for("FunctionCallResponse")
        deepgram_says(talk, "Noon.")
        talk.wait_over()

    with vendor_agent(Deepgram, script) as agent:
        call = Call("deepgram_agent", agent)
        await call.session.connect(5)
        call.session.speak("Greet the caller.")
        await call.until(lambda: len(call.of(ResponseDone)) == 1)
        assert call.heard() == SOUND
        for _ in range(30):
            call.session.append(FRAME)
        await call.until(lambda: call.of(ToolCall))
        call.session.tool_result("f1", "noon")
        await call.until(lambda: len(call.of(ResponseDone)) == 3)
        assert call.heard() == SOUND * 2
        await call.session.close()
        talk = agent.conversation()
        await asyncio.to_thread(talk.wait_over)
        assert talk.headers["Authorization"] == f"Token {KEY}"
        assert FRAME * 30 in bytes(talk.heard)
        assert len(call.of(SpeechStarted)) == 1
        assert call.session.session_id == "req_1"
        assert sum(used.usage.seconds for used in call.of(Used)) == len(talk.heard) / 8000
        counters = call.session.counters()
        assert [counters[name] for name in ("unknown", "malformed", "bad_json", "faults")] == [
            0
        ] * 4


async def test_deepgram_M1_settings_that_are_refused() -> None:
    def script(talk: Conversation) -> None:
        talk.say("Welcome", request_id="req_1")
        talk.wait_for("Settings")
        talk.say("Error", code="INVALID_SETTINGS", description="no such voice")
        talk.wait_over()

    with vendor_agent(Deepgram, script) as agent:
        call = Call("deepgram_agent", agent, voice="nobody")
        with pytest.raises(EngineConnectError, match="no such voice") as refused:
            await call.session.connect(5)
        assert (refused.value.kind, refused.value.code) == ("protocol", "INVALID_SETTINGS")


async def test_deepgram_M1_a_server_that_cannot_listen_may_be_asked_again() -> None:
    def script(talk: Conversation) -> None:
        talk.say("Welcome", request_id="req_1")
        talk.wait_for("Settings")
        talk.say("Error", code="FAILED_TO_START_LISTENING", description="busy")
        talk.wait_over()

    with vendor_agent(Deepgram, script) as agent:
        with pytest.raises(EngineConnectError) as refused:
            await Call("deepgram_agent", agent).session.connect(5)
        assert refused.value.retryable


async def test_deepgram_M1_the_wrong_key() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.UNAUTHORIZED, f"not {KEY}\n")

    with vendor_agent(Deepgram, deepgram_ready, answers=refuse) as agent:
        with pytest.raises(EngineConnectError) as refused:
            await Call("deepgram_agent", agent).session.connect(5)
        assert refused.value.kind == "unauthorized"
        assert KEY not in refused.value.message


async def test_deepgram_M2_an_error_in_the_middle_is_an_end() -> None:
    def script(talk: Conversation) -> None:
        deepgram_ready(talk)
        talk.say("Error", code="INTERNAL_SERVER_ERROR", description="sorry")
        talk.wait_over()

    with vendor_agent(Deepgram, script) as agent:
        call = Call("deepgram_agent", agent)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineFault))
        assert call.of(EngineFault)[0].fatal
        await call.session.close()


# ElevenLabs


def elevenlabs_ready(talk: Conversation, form: str = "ulaw_8000") -> None:
    talk.wait_for("conversation_initiation_client_data")
    talk.say(
        "conversation_initiation_metadata",
        conversation_initiation_metadata_event={
            "conversation_id": "conv_1",
            "agent_output_audio_format": form,
            "user_input_audio_format": form,
        },
    )


def elevenlabs_says(talk: Conversation, words: str, number: int) -> None:
    said = {"agent_response": words, "event_id": number}
    talk.say("agent_response", agent_response_event=said)
    for start in range(0, len(SOUND), 1000):
        piece = base64.b64encode(SOUND[start : start + 1000]).decode()
        talk.say("audio", audio_event={"audio_base_64": piece, "event_id": number})


async def test_elevenlabs_a_conversation() -> None:
    def script(talk: Conversation) -> None:
        elevenlabs_ready(talk)
        talk.say("ping", ping_event={"event_id": 1, "ping_ms": 20})
        elevenlabs_says(talk, "Hello.", 1)
        talk.wait(lambda: FRAME * 5 in bytes(talk.heard))
        talk.say("interruption", interruption_event={"event_id": 1})
        said = {"user_transcript": "The time?", "event_id": 2}
        talk.say("user_transcript", user_transcription_event=said)
        tool = {"tool_name": "clock", "tool_call_id": "t1", "parameters": {}, "event_id": 3}
        talk.say("client_tool_call", client_tool_call=tool)
        talk.wait_for("client_tool_result")
        elevenlabs_says(talk, "Noon.", 4)
        talk.wait_for("pong")

    with vendor_agent(ElevenLabs, script, answers=signs(lambda: agent, KEY)) as agent:
        call = Call(
            "elevenlabs_agent", agent, agent_id="agent_1", call=CallIdentity("call-1", "+431")
        )
        await call.session.connect(5)
        await call.until(lambda: call.heard() == SOUND)
        for _ in range(30):
            call.session.append(FRAME)
        await call.until(lambda: call.of(ToolCall))
        call.session.tool_result("t1", "noon")
        await call.until(lambda: call.of(EngineHangsUp))
        assert call.heard() == SOUND * 2
        assert len(call.of(DropAudio)) == 1
        assert call.of(EngineLost) == []
        await call.session.close()
        talk = agent.conversation()
        assert talk.path == f"{ElevenLabs.path}?agent_id=agent_1{SIGNATURE}"
        assert "xi-api-key" not in talk.headers
        assert talk.messages[0]["dynamic_variables"]["caller"] == "+431"
        assert call.session.session_id == "conv_1"
        counters = call.session.counters()
        assert [counters[name] for name in ("unknown", "malformed", "bad_json", "faults")] == [
            0
        ] * 4


async def test_elevenlabs_a_public_agent_needs_no_signature() -> None:
    def script(talk: Conversation) -> None:
        elevenlabs_ready(talk, "pcm_16000")
        talk.wait_over()

    with vendor_agent(ElevenLabs, script) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1", api_key="")
        await call.session.connect(5)
        assert agent.conversation().path == f"{ElevenLabs.path}?agent_id=agent_1"
        assert call.session.hears is AudioFormat.PCM16_16K
        await call.session.close()


async def test_elevenlabs_silence_is_fed_in_the_format_that_the_agent_told() -> None:
    def script(talk: Conversation) -> None:
        elevenlabs_ready(talk, "pcm_16000")
        talk.wait_over()

    with vendor_agent(ElevenLabs, script) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1", api_key="")
        await call.session.connect(5)
        talk = agent.conversation()
        await asyncio.to_thread(talk.wait, lambda: talk.heard)
        await call.session.close()
        assert set(talk.heard) == {0}
        assert len(talk.heard) % 3200 == 0


async def test_elevenlabs_M1_the_wrong_key() -> None:
    with vendor_agent(ElevenLabs, elevenlabs_ready, answers=signs(lambda: agent, KEY)) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1", api_key="another-key")
        with pytest.raises(EngineConnectError, match="Invalid API key") as refused:
            await call.session.connect(5)
        assert (refused.value.kind, refused.value.status) == ("unauthorized", 401)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "no address"),
        ("[" * 5000, "no address"),
        ('{"signed_url":"https://elsewhere.example/"}', "no websocket's address"),
        ('{"signed_url":"wss://["}', "no address"),
        ("x" * 70_000, "more than 65536 bytes"),
    ],
    ids=["empty", "deep", "scheme", "broken", "long"],
)
async def test_elevenlabs_M6_a_service_that_answers_nonsense(body: str, said: str) -> None:
    with vendor_agent(
        ElevenLabs, elevenlabs_ready, answers=signs(lambda: agent, KEY, body)
    ) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1")
        with pytest.raises(EngineConnectError, match=said) as refused:
            await call.session.connect(5)
        assert refused.value.kind == "protocol"
        assert agent.conversations == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "forbidden"), (404, "protocol"), (429, "rate_limited"), (503, "server")],
)
async def test_elevenlabs_M1_a_service_that_refuses(status: int, kind: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus(status), f'{{"detail":"no {KEY}"}}')
        response.headers["Retry-After"] = "7"
        return response

    with vendor_agent(ElevenLabs, elevenlabs_ready, answers=refuse) as agent:
        with pytest.raises(EngineConnectError) as refused:
            await Call("elevenlabs_agent", agent, agent_id="agent_1").session.connect(5)
        error = refused.value
        assert (error.kind, error.status, error.retry_after_s) == (kind, status, 7.0)
        assert KEY not in error.message


async def test_elevenlabs_M1_a_service_that_is_not_there() -> None:
    with vendor_agent(ElevenLabs, elevenlabs_ready) as agent:
        pass
    with pytest.raises(EngineConnectError) as refused:
        await Call("elevenlabs_agent", agent, agent_id="agent_1").session.connect(5)
    assert refused.value.kind == "refused"


async def test_elevenlabs_M1_a_format_that_is_not_ours_is_named() -> None:
    def script(talk: Conversation) -> None:
        elevenlabs_ready(talk, "pcm_44100")
        talk.wait_over()

    with vendor_agent(ElevenLabs, script) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1", api_key="")
        with pytest.raises(EngineConnectError, match="takes pcm_44100"):
            await call.session.connect(5)


async def test_elevenlabs_M2_an_agent_that_breaks_down_is_lost() -> None:
    def script(talk: Conversation) -> None:
        elevenlabs_ready(talk)
        talk.connection.close(1011)

    with vendor_agent(ElevenLabs, script) as agent:
        call = Call("elevenlabs_agent", agent, agent_id="agent_1", api_key="")
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineLost))
        assert call.of(EngineHangsUp) == []
        await call.session.close()
