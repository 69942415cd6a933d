"""Google's own client talks with our server of its protocol, and says what our engine says."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.prompts import TEXTS, prompt
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import create
from support.engine.gemini_engine import TOOL
from support.engine.gemini_types import accepted_server_message
from support.media import audio

MODEL = "gemini-3.8-live"
AUDIO = types.Modality.AUDIO
GREETING = np.frombuffer(prompt("greeting").data, "<i2")


def config(**more: Any) -> types.LiveConnectConfig:
    return types.LiveConnectConfig(
        response_modalities=[AUDIO],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(**more.pop("resumption", {})),
        context_window_compression=types.ContextWindowCompressionConfig(
            sliding_window=types.SlidingWindow()
        ),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(),
            activity_handling=types.ActivityHandling.START_OF_ACTIVITY_INTERRUPTS,
        ),
        **more,
    )


def client(server: AgentServer, key: str = "any") -> genai.Client:
    """It would have TLS by all means, which our server has not."""
    made = genai.Client(api_key=key, http_options=types.HttpOptions(api_version="v1beta"))
    made._api_client._websocket_base_url = lambda _options: f"ws://127.0.0.1:{server.port}"  # type: ignore[method-assign]
    made._api_client._websocket_ssl_ctx = {}
    return made


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentServer]:
    async with AgentServer(AgentSettings(journal=str(tmp_path / "journal"))) as server:
        yield server


async def turn(session: AsyncSession) -> list[types.LiveServerMessage]:
    """What comes until the model's turn is over."""
    async with asyncio.timeout(20):
        return [message async for message in session.receive()]


async def say(session: AsyncSession, pcm: audio.Pcm) -> None:
    for start in range(0, pcm.size, 320):
        data = pcm[start : start + 320].astype("<i2").tobytes()
        blob = types.Blob(data=data, mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)


def sound(messages: list[types.LiveServerMessage]) -> audio.Pcm:
    return np.frombuffer(b"".join(message.data or b"" for message in messages), "<i2")


def journal(path: Path, side: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["event"] for line in lines if line.get("from") == side]


async def test_it_is_greeted_and_heard_and_interrupts(agent: AgentServer, tmp_path: Path) -> None:
    said = audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, 16_000)
    quiet = np.zeros(16_000, np.int16)
    async with client(agent).aio.live.connect(model=MODEL, config=config()) as session:
        greet = types.Content(role="user", parts=[types.Part(text="Greet the caller.")])
        await session.send_client_content(turns=greet, turn_complete=True)
        greeting = await turn(session)
        assert audio.find(GREETING, sound(greeting), rate_hz=24_000).score > 0.999
        contents = [message.server_content for message in greeting if message.server_content]
        words = [one.output_transcription for one in contents if one.output_transcription]
        assert "".join(one.text or "" for one in words) == TEXTS["greeting"]
        assert contents[-1].turn_complete
        assert any(message.usage_metadata for message in greeting)

        await say(session, np.concatenate([said, quiet]))
        answer = await turn(session)
        wide = audio.resample(said, 16_000, 24_000)
        assert audio.find(wide, sound(answer), rate_hz=24_000).score > 0.99

        await session.send_client_content(turns=greet, turn_complete=True)
        await say(session, said)
        cut = await turn(session)
        assert any(one.server_content and one.server_content.interrupted for one in cut)
    for event in journal(tmp_path / "journal", "server"):
        accepted_server_message(json.dumps(event))


async def test_it_is_called_for_a_tool_and_answers() -> None:
    step = Step(on="speech", call=(FunctionCall(name="clock", arguments='{"zone":"UTC"}'),))
    scenario = Scenario(steps=(step, Step(on="tool_result", tone_ms=500)))
    declared = types.FunctionDeclaration(
        name="clock", parameters_json_schema={"type": "object", "properties": {}}
    )
    tools = [types.Tool(function_declarations=[declared])]
    async with (
        AgentServer(AgentSettings(scenario=scenario)) as server,
        client(server).aio.live.connect(model=MODEL, config=config(tools=tools)) as session,
    ):
        await say(session, np.concatenate([audio.tone(300, 600, 16_000), np.zeros(16_000, "<i2")]))
        messages: list[types.LiveServerMessage] = []
        async with asyncio.timeout(20):
            async for message in session.receive():
                messages.append(message)
                for call in message.tool_call.function_calls or [] if message.tool_call else []:
                    assert (call.name, call.args) == ("clock", {"zone": "UTC"})
                    result = types.FunctionResponse(
                        id=call.id, name=call.name, response={"output": "12:00"}
                    )
                    await session.send_tool_response(function_responses=result)
        assert len(sound(messages)) == 500 * 24


async def test_it_goes_on_with_a_session_that_has_ended_and_not_before() -> None:
    steps = (Step(on="greeting", tone_ms=500), Step(on="speak", tone_ms=300))
    greet = types.Content(role="user", parts=[types.Part(text="Greet the caller.")])
    async with AgentServer(AgentSettings(scenario=Scenario(steps=steps))) as server:
        connect = client(server).aio.live.connect
        async with connect(model=MODEL, config=config()) as session:
            await session.send_client_content(turns=greet, turn_complete=True)
            assert len(sound(await turn(session))) == 500 * 24
            update = (await session._receive()).session_resumption_update
            assert update is not None
            assert update.resumable
            resumed = config(resumption={"handle": update.new_handle})
            with pytest.raises(errors.APIError, match="still connected"):
                await connect(model=MODEL, config=resumed).__aenter__()
        async with connect(model=MODEL, config=resumed) as session:
            await session.send_client_content(turns=greet, turn_complete=True)
            assert len(sound(await turn(session))) == 300 * 24  # it has greeted before
        unknown = config(resumption={"handle": "unknown"})
        with pytest.raises(errors.APIError, match="not found"):
            await connect(model=MODEL, config=unknown).__aenter__()


@pytest.mark.parametrize("key", ["right", "wrong"])
async def test_the_key_is_looked_at(key: str) -> None:
    async with AgentServer(AgentSettings(api_key="right")) as server:
        try:
            async with client(server, key).aio.live.connect(model=MODEL, config=config()):
                assert key == "right"
        except Exception:  # noqa: BLE001 (the library's, of any kind)
            assert key == "wrong"


async def test_our_setup_is_that_of_the_official_client(agent: AgentServer, tmp_path: Path) -> None:
    """Field for field: what the client makes of the same wishes is what our engine sends."""
    declared = types.FunctionDeclaration(
        name="clock",
        description="Tells the time.",
        behavior=types.Behavior.BLOCKING,
        parameters_json_schema=TOOL["parameters"],
    )
    voice = types.PrebuiltVoiceConfig(voice_name="Kore")
    wishes = config(
        system_instruction=types.Content(parts=[types.Part(text="Be kind.")]),
        speech_config=types.SpeechConfig(
            voice_config=types.VoiceConfig(prebuilt_voice_config=voice)
        ),
        max_output_tokens=200,
        tools=[types.Tool(function_declarations=[declared])],
    )
    async with client(agent).aio.live.connect(model=MODEL, config=wishes):
        pass
    (theirs,) = journal(tmp_path / "journal", "client")
    settings = EngineSettings(
        instructions="Be kind.", voice="Kore", max_output_tokens=200, tools=[TOOL]
    )
    (ours,) = create("gemini_live", settings).protocol.start()
    assert json.loads(ours) == _camel(theirs)


def _camel(value: Any) -> Any:
    """The client has some names in the protocol's other style."""
    if isinstance(value, dict):
        return {
            "".join([name.split("_")[0], *map(str.capitalize, name.split("_")[1:])]): _camel(one)
            for name, one in value.items()
        }
    return [_camel(one) for one in value] if isinstance(value, list) else value
