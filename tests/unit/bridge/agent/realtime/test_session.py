import json
from typing import Any

import msgspec
import pytest

from sipua.bridge.agent.realtime.session import (
    Session,
    SessionConfig,
    default_session,
    updated_session,
)
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCM, PCMU
from sipua.codecs.vad import VadConfig

SETTINGS = AgentSettings(threshold=0.4, prefix_padding_ms=200, silence_ms=600)


def updated(session: Session, **fields: Any) -> Session:
    update = msgspec.json.decode(json.dumps({"type": "realtime", **fields}), type=SessionConfig)
    return updated_session(session, update, SETTINGS)


@pytest.fixture
def session() -> Session:
    return default_session(SETTINGS, "local")


def test_the_server_s_settings_are_the_defaults(session: Session) -> None:
    assert session.vad == VadConfig(0.4, 200, 600)
    assert (session.input_format, session.output_format) == (PCM, PCM)


def test_only_what_is_named_changes(session: Session) -> None:
    later = updated(session, instructions="new", audio={"output": {"voice": "cedar"}})
    assert later.instructions == "new"
    assert later.output.voice == "cedar"
    assert later.output.speed == session.output.speed
    assert later.input == session.input


def test_turn_detection_is_set_as_a_whole_and_can_be_cleared(session: Session) -> None:
    server = {"type": "server_vad", "silence_duration_ms": 300}
    assert updated(session, audio={"input": {"turn_detection": server}}).vad == VadConfig(
        0.4, 200, 300
    )
    eager = {"type": "semantic_vad", "eagerness": "high"}
    assert updated(session, audio={"input": {"turn_detection": eager}}).vad == VadConfig(
        silence_duration_ms=400
    )
    assert updated(session, audio={"input": {"turn_detection": None}}).vad is None


def test_formats_are_taken_one_by_one(session: Session) -> None:
    later = updated(session, audio={"input": {"format": {"type": "audio/pcmu"}}})
    assert (later.input_format, later.output_format) == (PCMU, PCM)


def test_the_model_is_the_one_that_was_connected_to(session: Session) -> None:
    assert updated(session, model="other").config.model == "local"


def test_what_is_only_echoed_stays_as_it_came(session: Session) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "x": [1, None]}}
    later = updated(session, tools=[tool], tool_choice={"type": "function", "name": "f"})
    shown = json.loads(msgspec.json.encode(later.config))
    assert shown["tools"] == [tool]
    assert shown["tool_choice"] == {"type": "function", "name": "f"}
