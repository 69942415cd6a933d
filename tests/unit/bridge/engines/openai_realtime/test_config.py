from typing import Any

import pytest

from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.openai_realtime.config import session_config, turn_detection
from sipua.bridge.engines.openai_realtime.protocol import realtime_engine


def test_the_usual_session_is_the_documented_one() -> None:
    settings = EngineSettings(
        instructions="Be kind.",
        voice="marin",
        transcription={"model": "gpt-4o-mini-transcribe"},
    )
    assert session_config(settings) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be kind.",
        "tools": [],
        "tool_choice": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
        },
    }


def test_what_is_not_configured_is_left_to_the_server() -> None:
    session = session_config(EngineSettings())
    assert "instructions" not in session
    assert "max_output_tokens" not in session
    assert session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24000}}


@pytest.mark.parametrize(
    ("configured", "effective"),
    [
        (None, None),
        ({"silence_duration_ms": 200}, {"type": "server_vad", "silence_duration_ms": 200}),
        ({"interrupt_response": False}, {"type": "server_vad", "interrupt_response": False}),
        (
            {"type": "semantic_vad", "eagerness": "high"},
            {
                "type": "semantic_vad",
                "eagerness": "high",
                "create_response": True,
                "interrupt_response": True,
            },
        ),
    ],
)
def test_turn_detection(
    configured: dict[str, Any] | None, effective: dict[str, Any] | None
) -> None:
    detection = turn_detection(configured)
    if effective is None or detection is None:
        assert detection is effective
    elif effective["type"] == "semantic_vad":
        assert detection == effective
    else:
        assert detection.items() >= effective.items()
        assert detection["prefix_padding_ms"] == 300


@pytest.mark.parametrize(
    ("url", "model", "address"),
    [
        ("", "gpt-realtime", "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        ("ws://h/realtime", "a b", "ws://h/realtime?model=a+b"),
        ("ws://h/realtime", "", "ws://h/realtime"),
        ("ws://h/r?api-version=1", "m", "ws://h/r?api-version=1&model=m"),
        ("ws://[broken", "m", "ws://[broken"),
        ("ws://h/r?model=theirs", "ours", "ws://h/r?model=theirs"),
    ],
)
def test_the_model_stands_in_the_address(url: str, model: str, address: str) -> None:
    assert realtime_engine(EngineSettings(url=url, model=model)).url == address


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, {"Authorization": "Bearer key"}),
        ({"X-Team": "7"}, {"X-Team": "7", "Authorization": "Bearer key"}),
        ({"api-key": "other"}, {"api-key": "other"}),
        ({"AUTHORIZATION": "Basic x"}, {"AUTHORIZATION": "Basic x"}),
    ],
)
def test_a_configured_header_takes_the_place_of_the_key(
    headers: dict[str, str], sent: dict[str, str]
) -> None:
    assert realtime_engine(EngineSettings(api_key="key", headers=headers)).headers == sent


def test_no_key_no_header() -> None:
    assert realtime_engine(EngineSettings()).headers == {}
