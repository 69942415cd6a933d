"""The local agent in ElevenLabs' part; `turns/` has what it shares with others."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.bridge.agent.scenario.scenario import Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from support.engine.vendor_client import ElevenLabsClient

TONE = AgentSettings(scenario=Scenario(steps=(Step(times=0, tone_ms=1000),)))


def metadata(client: ElevenLabsClient) -> dict[str, Any]:
    (told,) = client.of("conversation_initiation_metadata")
    about: dict[str, Any] = told["conversation_initiation_metadata_event"]
    return about


@pytest.mark.parametrize(
    ("agent_id", "form", "bytes_per_ms"),
    [("", "ulaw_8000", 8), ("agent_1", "ulaw_8000", 8), ("pcm_16000", "pcm_16000", 32)],
)
def test_an_agent_hears_and_speaks_as_its_name_says(
    agent_id: str, form: str, bytes_per_ms: int
) -> None:
    client = ElevenLabsClient(TONE, agent_id)
    told = metadata(client)
    assert told["agent_output_audio_format"] == told["user_input_audio_format"] == form
    assert told["conversation_id"] == client.conversation.id
    client.wait(1)
    assert len(client.sound) / bytes_per_ms == pytest.approx(1000, abs=5)


def test_without_first_words_it_waits_for_the_caller() -> None:
    override = {"agent": {"first_message": ""}}
    client = ElevenLabsClient(TONE, conversation_config_override=override)
    client.wait(2)
    assert client.sound == b""
    client.speak(300, quiet_ms=700)
    client.wait(1)
    assert client.sound_ms == pytest.approx(1000, abs=5)


def test_a_message_is_answered_and_a_note_is_not() -> None:
    client = ElevenLabsClient(TONE)
    client.wait(3)
    client.send("contextual_update", text="The caller pressed 5.")
    client.wait(3)
    assert client.sound_ms == pytest.approx(1000, abs=5)
    client.send("user_message", text="Hello?")
    client.wait(3)
    assert client.sound_ms == pytest.approx(2000, abs=5)


def test_an_interruption_names_the_last_piece() -> None:
    client = ElevenLabsClient(AgentSettings(speed=1.0, scenario=TONE.scenario))
    client.wait(0.3)
    pieces = client.conversation._pieces
    client.speak(100)
    (told,) = client.of("interruption")
    assert told["interruption_event"]["event_id"] >= pieces > 0


def test_pings_are_answered() -> None:
    client = ElevenLabsClient()
    client.wait(11)
    told = client.of("ping")
    assert [one["ping_event"]["event_id"] for one in told] == [1, 2, 3]
    client.send("pong", event_id=3)
    assert not client.conversation.closed
    client.send("pong", event_id=4)
    assert client.conversation.closed


@pytest.mark.parametrize(
    "message",
    [
        b"not json",
        b"{}",
        b'{"user_audio_chunk":"@@@"}',
        b'{"user_audio_chunk":7}',
        b'{"type":"hologram"}',
        b'{"type":"user_message"}',
        b'{"type":"conversation_initiation_client_data"}',
        b'{"type":"user_message","text":"%b"}' % (b"x" * (1 << 20)),
    ],
)
def test_what_is_no_message_closes(message: bytes) -> None:
    client = ElevenLabsClient()
    assert client.raw(message) == []
    code, reason = client.conversation.farewell
    assert client.conversation.closed
    assert code == 1008
    assert reason
    assert len(reason.encode()) <= 123
