from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    Past,
    PastMessage,
    PastSpeech,
    PastToolCall,
)
from sipua.bridge.engines.openai import addresses
from sipua.bridge.engines.openai_live.config import (
    DELEGATE,
    MAX_APPEND_TOKENS,
    MAX_PAST_MESSAGES,
    MAX_PAST_TOKENS,
    chunks,
    endpoint,
    history,
    session_config,
    tokens_at_most,
)
from support.engine.live_types import accepted_client_event

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Of a place.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}
MCP = {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example/mcp"}


def config(**settings: Any) -> dict[str, Any]:
    session = session_config(EngineSettings(**settings))
    start = msgspec.json.encode({"type": "session.start", "session": session})
    found: dict[str, Any] = accepted_client_event(start)["session"]
    return found


def test_the_usual_session() -> None:
    assert config() == {
        "model": "gpt-live-1.1",
        "audio": {"format": {"type": "audio/pcm", "rate": 24_000}},
        "delegation": {"type": "client"},
    }


def test_what_is_configured_is_said() -> None:
    session = config(model="gpt-live-2", voice="quartz", instructions="Be kind.")
    assert session["model"] == "gpt-live-2"
    assert session["audio"]["output"] == {"voice": "quartz"}
    assert session["instructions"] == "Be kind."


def test_a_voice_of_ones_own() -> None:
    assert config(voice={"id": "voice_1"})["audio"]["output"] == {"voice": {"id": "voice_1"}}


@pytest.mark.parametrize(
    ("form", "wire"),
    [
        (AudioFormat.PCM16, {"type": "audio/pcm", "rate": 24_000}),
        (AudioFormat.PCMU, {"type": "audio/pcmu", "rate": 8_000}),
        (AudioFormat.PCMA, {"type": "audio/pcma", "rate": 8_000}),
    ],
)
def test_one_format_for_both_ways(form: AudioFormat, wire: dict[str, Any]) -> None:
    assert config(audio=form)["audio"]["format"] == wire


def test_tools_are_for_the_model_that_the_voice_delegates_to() -> None:
    session = config(
        instructions="Be kind.",
        tools=[WEATHER, MCP],
        delegation_model="gpt-9",
        parallel_tool_calls=False,
        reasoning_effort="low",
    )
    assert session["instructions"] == f"Be kind.\n\n{DELEGATE}"
    assert session["delegation"] == {
        "type": "responses",
        "responses": {
            "model": "gpt-9",
            "instructions": "Be kind.",
            "tools": [WEATHER, MCP],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
        },
    }


def test_a_usual_model_for_the_tools() -> None:
    session = config(tools=[WEATHER], tool_choice={"type": "function", "name": "weather"})
    assert session["delegation"]["responses"]["model"] == "gpt-6-luna"
    assert session["instructions"] == DELEGATE


def test_what_does_not_apply_is_not_sent() -> None:
    said = config(
        turn_detection={"type": "semantic_vad"},
        transcription={"model": "whisper-1"},
        noise_reduction={"type": "near_field"},
        speed=1.2,
        max_output_tokens=100,
    )
    assert said == config()


# The conversation so far


def test_a_conversation_goes_on() -> None:
    past: list[Past] = [
        PastMessage("assistant", "Hello."),
        PastSpeech(b"\xff" * 800),
        PastMessage("user", "What is the time?"),
        PastToolCall("call_1", "clock", "{}", "12:00"),
        PastToolCall("call_2", "weather", "{}", None),
    ]
    said = config(past=past)["input"]
    roles = [item["role"] for item in said]
    assert roles == ["assistant", "developer", "user", "developer", "developer"]
    kinds = [item["content"][0]["type"] for item in said]
    assert kinds == ["output_text"] + ["input_text"] * 4
    texts = [item["content"][0]["text"] for item in said]
    assert "clock" in texts[3]
    assert "12:00" in texts[3]
    assert "still running" in texts[4]


def test_the_newest_messages_that_the_vendor_takes() -> None:
    said = history([PastMessage("user", str(number)) for number in range(300)])
    assert [item["content"][0]["text"] for item in said] == [
        str(number) for number in range(300 - MAX_PAST_MESSAGES, 300)
    ]


def test_the_newest_words_that_the_vendor_takes() -> None:
    said = history([PastMessage("user", f"{number} " + "word " * 400) for number in range(50)])
    assert 0 < len(said) < 50
    assert said[-1]["content"][0]["text"].startswith("49 ")
    assert sum(tokens_at_most(item["content"][0]["text"]) for item in said) <= MAX_PAST_TOKENS


def test_nothing_was_said() -> None:
    assert "input" not in config(past=[PastMessage("user", "")])


# Text in pieces


def test_a_short_text_is_one_piece() -> None:
    assert list(chunks("Greet the caller.")) == ["Greet the caller."]
    assert list(chunks("")) == []


def test_a_long_text_is_cut_between_words() -> None:
    text = "Greet the caller in a friendly way. " * 60
    pieces = list(chunks(text))
    assert len(pieces) > 1
    assert "".join(pieces) == text
    assert all(piece.endswith(" ") for piece in pieces)


@given(st.text(max_size=3000), st.integers(1, 50))
def test_no_piece_is_too_long_and_nothing_is_lost(text: str, limit: int) -> None:
    pieces = list(chunks(text, limit))
    assert "".join(pieces) == text
    for piece in pieces:
        assert tokens_at_most(piece) <= limit or len(piece) == 1


@given(st.text(max_size=500))
def test_a_token_is_at_least_a_byte_and_here_at_most_two_letters(text: str) -> None:
    size = len(text.encode(errors="replace"))
    assert size / 2 <= tokens_at_most(text) <= size
    assert tokens_at_most("x" * MAX_APPEND_TOKENS * 2) == MAX_APPEND_TOKENS


# The address


def test_the_vendors_address_has_no_query() -> None:
    url, headers = endpoint(EngineSettings(api_key="sk-1", model="gpt-live-1"))
    assert url == addresses.LIVE
    assert headers == {"Authorization": "Bearer sk-1"}


def test_another_server_and_another_header() -> None:
    url, headers = endpoint(
        EngineSettings(url="ws://127.0.0.1:8765/v1/live/sessions", headers={"api-key": "1"})
    )
    assert url == "ws://127.0.0.1:8765/v1/live/sessions"
    assert headers == {"api-key": "1"}
