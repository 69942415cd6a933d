import json
from typing import Any

import pytest

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    PastMessage,
    PastSpeech,
    PastToolCall,
)
from sipua.bridge.engines import create
from sipua.bridge.engines.gemini_live.config import (
    MAX_PAST_CHARS,
    MAX_PAST_MESSAGES,
    endpoint,
    history,
    setup,
)
from support.engine.gemini_engine import TOOL
from support.engine.gemini_types import accepted_client_message

VERTEX = (
    "wss://europe-west4-aiplatform.googleapis.com/ws/"
    "google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
)


def made(**settings: Any) -> dict[str, Any]:
    content = setup(EngineSettings(**{"model": "gemini-3.8-live", **settings}))
    accepted_client_message(json.dumps({"setup": content}))
    return content


def test_a_session_is_made_to_last_and_to_be_written_down() -> None:
    assert made() == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "realtimeInputConfig": {
            "automaticActivityDetection": {},
            "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
        },
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }


def test_all_that_can_be_set() -> None:
    content = made(
        instructions="Be kind.",
        voice="Kore",
        max_output_tokens=200,
        reasoning_effort="low",
        transcription={"language": "de", "prompt": "Jausenbrett, Almdudler,"},
        tools=[TOOL],
        handle="h1",
    )
    assert content["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    assert content["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "maxOutputTokens": 200,
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }
    assert content["inputAudioTranscription"] == {
        "languageCodes": ["de"],
        "customVocabulary": ["Jausenbrett", "Almdudler"],
    }
    assert content["sessionResumption"] == {"handle": "h1"}
    (tool,) = content["tools"]
    assert tool["functionDeclarations"] == [
        {
            "name": "clock",
            "behavior": "BLOCKING",
            "description": "Tells the time.",
            "parametersJsonSchema": TOOL["parameters"],
        }
    ]


@pytest.mark.parametrize(
    ("turns", "detection", "handling"),
    [
        ({"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300}, {}, True),
        ({"threshold": 0.2}, {"startOfSpeechSensitivity": "START_SENSITIVITY_HIGH"}, True),
        ({"threshold": 0.8}, {"startOfSpeechSensitivity": "START_SENSITIVITY_LOW"}, True),
        ({"silence_duration_ms": 700}, {"silenceDurationMs": 700}, True),
        (
            {"type": "semantic_vad", "eagerness": "low"},
            {"endOfSpeechSensitivity": "END_SENSITIVITY_LOW"},
            True,
        ),
        ({"type": "semantic_vad", "eagerness": "auto"}, {}, True),
        ({"interrupt_response": False}, {}, False),
        ({"create_response": False}, {"disabled": True}, False),
        (None, {"disabled": True}, False),
    ],
)
def test_turn_detection(
    turns: dict[str, Any] | None, detection: dict[str, Any], handling: bool
) -> None:
    assert made(turn_detection=turns)["realtimeInputConfig"] == {
        "automaticActivityDetection": detection,
        "activityHandling": "START_OF_ACTIVITY_INTERRUPTS" if handling else "NO_INTERRUPTION",
    }


def test_what_the_vendor_has_no_field_for_is_not_sent() -> None:
    mcp = {"type": "mcp", "server_label": "shop", "server_url": "https://example.net"}
    odd = made(
        tools=[mcp],
        speed=1.2,
        noise_reduction={"type": "near_field"},
        parallel_tool_calls=True,
        max_output_tokens="inf",
        voice={"id": "voice_1"},
    )
    assert odd == made()
    assert "tools" not in made(tools=[TOOL], tool_choice="none")


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        (AudioFormat.PCM16, AudioFormat.PCM16_16K),
        (AudioFormat.PCM16_16K, AudioFormat.PCM16_16K),
        (AudioFormat.PCM16_8K, AudioFormat.PCM16_8K),
        (AudioFormat.PCMU, AudioFormat.PCM16_16K),
    ],
)
def test_what_it_hears_and_speaks(asked: AudioFormat, heard: AudioFormat) -> None:
    protocol = create("gemini_live", EngineSettings(audio=asked)).protocol
    assert (protocol.hears, protocol.speaks) == (heard, AudioFormat.PCM16)
    audio = accepted_client_message(protocol.append_audio(b"\x01\x02"))["realtimeInput"]["audio"]
    assert audio == {"mimeType": f"audio/pcm;rate={heard.rate_hz}", "data": "AQI="}


def test_the_past_is_told_as_text_in_two_roles() -> None:
    past = [
        PastMessage("user", "Hello?"),
        PastMessage("assistant", "Yes."),
        PastMessage("system", "The caller is at home."),
        PastMessage("user", " "),
        PastSpeech(b"\xff" * 80),
        PastToolCall("c1", "clock", "{}", "12:00"),
        PastToolCall("c2", "clock", "{}", None),
    ]
    told = [(one["role"], one["parts"][0]["text"]) for one in history(past)]
    assert told == [
        ("user", "Hello?"),
        ("model", "Yes."),
        ("user", "[The caller is at home.]"),
        ("user", "[The caller said something here that was not written down.]"),
        ("user", "[The tool clock was called with {} and returned: 12:00]"),
        ("user", "[The tool clock was called with {} and is still running.]"),
    ]
    assert made(past=past)["historyConfig"] == {"initialHistoryInClientContent": True}
    assert "historyConfig" not in made(past=past, url=VERTEX)  # it has no such field


def test_of_a_long_past_the_newest_is_told() -> None:
    many = [PastMessage("user", f"{number}") for number in range(500)]
    told = [one["parts"][0]["text"] for one in history(many)]
    assert told == [f"{number}" for number in range(500 - MAX_PAST_MESSAGES, 500)]
    long = [PastMessage("user", "x" * (MAX_PAST_CHARS // 2)) for _ in range(5)]
    assert len(history(long)) == 2


def test_the_key_is_in_a_header_and_in_no_url() -> None:
    url, headers = endpoint(EngineSettings(api_key="secret"))
    assert url.startswith("wss://generativelanguage.googleapis.com/ws/")
    assert url.endswith(".v1beta.GenerativeService.BidiGenerateContent")
    assert headers == {"x-goog-api-key": "secret"}
    assert endpoint(EngineSettings())[1] == {}


def test_vertex_has_a_token_and_the_models_whole_name() -> None:
    model = "projects/p/locations/l/publishers/google/models/gemini-3.8-live"
    url, headers = endpoint(EngineSettings(url=VERTEX, api_key="token", model=model))
    assert (url, headers) == (VERTEX, {"Authorization": "Bearer token"})
    assert made(url=VERTEX, model=model)["model"] == model


@pytest.mark.parametrize("name", ["Authorization", "X-Goog-Api-Key"])
def test_a_header_of_the_users_own_takes_the_place_of_the_key(name: str) -> None:
    given = {name: "mine"}
    assert endpoint(EngineSettings(api_key="secret", headers=given))[1] == given
