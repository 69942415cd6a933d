"""The judges of dialects: what they must not let pass."""

import json
from typing import Any

import pytest

from support.engine.dialect_types import JUDGES

FLAT = {"modalities": ["text", "audio"], "input_audio_format": "pcm16"}
PCM = {"format": {"type": "pcm", "sample_rate": 24_000}}
GA = {"format": {"type": "audio/pcm", "rate": 24_000}}
SESSIONS: dict[str, dict[str, Any]] = {
    "beta": {**FLAT, "voice": "alloy"},
    "azure_voice_live": {**FLAT, "voice": {"type": "openai", "name": "alloy"}},
    "qwen": {"modalities": ["text", "audio"], "audio": {"input": PCM, "output": PCM}},
    "xai": {"type": "realtime", "turn_detection": None, "audio": {"input": GA, "output": GA}},
}


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_right_passes_and_what_is_unknown_does_not(name: str) -> None:
    judge = JUDGES[name].client
    update = {"type": "session.update", "event_id": "1", "session": SESSIONS[name]}
    assert judge(json.dumps(update)) == update
    for wrong in ({**update, "new": 1}, {**update, "session": {**SESSIONS[name], "new": 1}}):
        with pytest.raises(AssertionError):
            judge(json.dumps(wrong))
    with pytest.raises((AssertionError, AttributeError)):
        judge(json.dumps({"type": "session.start"}))


@pytest.mark.parametrize(
    "session",
    [
        {"voice": {"type": "openai", "name": "alloy", "speed": 1}},
        {"voice": {"type": "azure-standard"}},
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
        {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}},
        {"input_audio_transcription": {"language": "de"}},
        {"tools": [{"type": "function", "description": "nameless"}]},
    ],
)
def test_voice_live_s_judge_looks_into_every_part(session: dict[str, Any]) -> None:
    judge = JUDGES["azure_voice_live"].client
    with pytest.raises(AssertionError):
        judge(json.dumps({"type": "session.update", "session": {**FLAT, **session}}))


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("beta", {"type": "response.output_audio.done", "event_id": "1", "item_id": "i"}),
        ("azure_voice_live", {"type": "response.audio.done", "event_id": "1", "item_id": "i"}),
        ("azure_voice_live", {"type": "conversation.item.added", "event_id": "1"}),
        ("qwen", {"type": "response.audio.done", "event_id": "1"}),
        ("xai", {"type": "response.audio.done", "event_id": "1", "item_id": "i"}),
    ],
)
def test_what_no_server_of_the_vendor_s_says(name: str, event: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        JUDGES[name].server(json.dumps(event))
