"""What a Voice Agent is told of our settings; the vendor's types judge it."""

from typing import Any

import pytest

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    PastMessage,
    PastSpeech,
    PastToolCall,
)
from sipua.bridge.engines.deepgram_agent.address import ADDRESS
from sipua.bridge.engines.deepgram_agent.config import (
    MAX_PAST_CHARS,
    MAX_PAST_MESSAGES,
    endpoint,
    history,
    session_settings,
)
from sipua.bridge.engines.deepgram_agent.protocol import _encode
from support.engine.deepgram_engine import TOOL
from support.engine.deepgram_types import accepted_client_message


def told(**settings: Any) -> dict[str, Any]:
    settings.setdefault("audio", AudioFormat.PCMU)
    message = _encode("Settings", **session_settings(EngineSettings(**settings)))
    return accepted_client_message(message)


@pytest.mark.parametrize(
    ("form", "encoding", "rate_hz"),
    [
        (AudioFormat.PCMU, "mulaw", 8000),
        (AudioFormat.PCMA, "alaw", 8000),
        (AudioFormat.PCM16, "linear16", 24_000),
        (AudioFormat.PCM16_16K, "linear16", 16_000),
        (AudioFormat.PCM16_8K, "linear16", 8000),
    ],
)
def test_audio_is_the_same_both_ways(form: AudioFormat, encoding: str, rate_hz: int) -> None:
    audio = {"encoding": encoding, "sample_rate": rate_hz}
    assert told(audio=form)["audio"] == {"input": audio, "output": {**audio, "container": "none"}}


def test_three_models_make_the_agent() -> None:
    agent = told(
        model="gpt-4.1-mini",
        voice="aura-2-andromeda-en",
        speed=1.1,
        instructions="Be brief.",
        transcription={"model": "nova-3", "language": "de", "prompt": "Almdudler, Jausenbrett"},
    )["agent"]
    assert agent["think"] == {
        "provider": {"type": "open_ai", "model": "gpt-4.1-mini"},
        "prompt": "Be brief.",
    }
    speaks = {"type": "deepgram", "model": "aura-2-andromeda-en", "speed": 1.1}
    assert agent["speak"] == {"provider": speaks}
    assert agent["listen"]["provider"] == {
        "type": "deepgram",
        "version": "v1",
        "model": "nova-3",
        "language": "de",
        "keyterms": ["Almdudler", "Jausenbrett"],
    }


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("", {"type": "open_ai", "model": "gpt-4o-mini"}),
        ("anthropic/claude-sonnet-4-5", {"type": "anthropic", "model": "claude-sonnet-4-5"}),
        ("google/gemini-2.5-flash", {"type": "google", "model": "gemini-2.5-flash"}),
        ("groq/openai/gpt-oss-20b", {"type": "groq", "model": "openai/gpt-oss-20b"}),
        ("mine/of-mine", {"type": "open_ai", "model": "mine/of-mine"}),
    ],
)
def test_whose_model_thinks(model: str, provider: dict[str, str]) -> None:
    assert told(model=model)["agent"]["think"]["provider"] == provider


@pytest.mark.parametrize(
    ("transcription", "model", "hints"),
    [
        (None, "flux-general-en", None),
        ({"language": "en-GB"}, "flux-general-en", None),
        ({"language": "de"}, "flux-general-multi", ["de"]),
        ({"model": "flux-general-multi"}, "flux-general-multi", None),
    ],
)
def test_who_listens(
    transcription: dict[str, str] | None, model: str, hints: list[str] | None
) -> None:
    provider = told(transcription=transcription)["agent"]["listen"]["provider"]
    assert (provider["model"], provider["version"]) == (model, "v2")
    assert provider.get("language_hints") == hints


def test_tools_are_functions_that_the_client_runs() -> None:
    mcp = {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example"}
    functions = told(tools=[TOOL, mcp])["agent"]["think"]["functions"]
    assert functions == [
        {
            "name": "clock",
            "description": "What time it is.",
            "parameters": {"type": "object", "properties": {}},
            "defer_until_eot": True,
        }
    ]
    assert "functions" not in told(tools=[TOOL], tool_choice="none")["agent"]["think"]


def test_M2_the_next_session_is_told_the_conversation() -> None:
    past = [
        PastMessage("assistant", "Hello."),
        PastMessage("user", "The time?"),
        PastToolCall("f1", "clock", "{}", "noon"),
        PastToolCall("f2", "clock", "{}", None),
        PastMessage("system", "The caller is on hold."),
        PastSpeech(b"\xff" * 800),
    ]
    messages = told(past=past)["agent"]["context"]["messages"]
    call = {"id": "f1", "name": "clock", "client_side": True, "arguments": "{}", "response": "noon"}
    assert messages[:3] == [
        {"type": "History", "role": "assistant", "content": "Hello."},
        {"type": "History", "role": "user", "content": "The time?"},
        {"type": "History", "function_calls": [call]},
    ]
    assert [message["role"] for message in messages[3:]] == ["user"] * 3
    assert "still running" in messages[3]["content"]
    assert messages[4]["content"] == "[The caller is on hold.]"


def test_M2_of_a_long_conversation_the_newest_is_told() -> None:
    many = [PastMessage("user", f"line {number}") for number in range(MAX_PAST_MESSAGES + 5)]
    assert [one["content"] for one in history(many)][::127] == ["line 5", "line 132"]
    long = [PastMessage("user", "x" * MAX_PAST_CHARS), PastMessage("user", "short")]
    assert [one["content"] for one in history(long)] == ["short"]


def test_the_key_is_a_token() -> None:
    assert endpoint(EngineSettings(api_key="key")) == (ADDRESS, {"Authorization": "Token key"})
    own = {"Authorization": "Bearer jwt"}
    url = "wss://dg.example/v1/agent/converse"
    assert endpoint(EngineSettings(url=url, api_key="key", headers=own)) == (url, own)
