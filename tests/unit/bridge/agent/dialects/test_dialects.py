"""The local agent in each dialect: the same conversation, judged by the vendors' types."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from sipua.bridge.agent.dialects.table import DIALECTS
from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.openai_realtime import dialects as engine_dialects
from support.engine.agent_client import AgentClient, error_of, one, only, types_of
from support.media.audio import silence, tone

RATE = 24_000
TURN = np.concatenate((tone(300, 600, RATE), silence(700, RATE)))
OTHERS = [name for name in DIALECTS if name != "ga"]
FLAT = ["beta", "azure_voice_live", "qwen"]
HANG_UP = {"type": "function", "name": "hang_up", "description": "Ends it.", "parameters": {}}


def client(name: str, **settings: Any) -> AgentClient:
    return AgentClient(AgentSettings(**settings), dialect=name)


def update(made: AgentClient, name: str, **changes: Any) -> list[dict[str, Any]]:
    """As our engine would ask for it."""
    session = engine_dialects.dialect(name).session(EngineSettings(**changes))
    return made.send("session.update", session=session)


def audio_of(name: str, events: list[dict[str, Any]]) -> bytes:
    kind = "response.audio.delta" if name in FLAT else "response.output_audio.delta"
    return b"".join(base64.b64decode(event["delta"]) for event in only(events, kind))


def test_both_sides_know_the_same_dialects() -> None:
    assert DIALECTS.keys() == engine_dialects.DIALECTS.keys()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ga", ["session.created"]),
        ("beta", []),
        ("xai", ["session.created", "conversation.created"]),
        ("azure_voice_live", ["session.created"]),
        ("qwen", ["session.created"]),
    ],
)
def test_the_first_words_of_a_session(name: str, said: list[str]) -> None:
    assert types_of(client(name).log) == said


@pytest.mark.parametrize("name", DIALECTS)
def test_a_session_is_taken_and_shown(name: str) -> None:
    made = client(name)
    shown = one(update(made, name, instructions="Be kind.", voice="coral"), "session.updated")
    session = shown["session"]
    assert session["instructions"] == "Be kind."
    voice = session.get("voice") or session["audio"]["output"]["voice"]
    assert voice in ("coral", {"type": "openai", "name": "coral"})


@pytest.mark.parametrize("name", DIALECTS)
def test_a_greeting_a_turn_and_its_echo(name: str) -> None:
    made = client(name)
    update(made, name, transcription={"model": "gpt-transcribe"})
    greeting = made.send("response.create") + made.wait(5000)
    assert audio_of(name, greeting) == prompt("greeting").data
    events = made.say(TURN) + made.wait(3000)
    assert audio_of(name, events)
    whole = one(events, "conversation.item.input_audio_transcription.completed")["transcript"]
    grown = only(events, "conversation.item.input_audio_transcription.updated")
    assert [event["transcript"] for event in grown][-1:] == ([whole] if name == "xai" else [])
    items = only(events, "conversation.item.created" if name in FLAT else "conversation.item.added")
    assert [event["item"]["role"] for event in items] == ["user", "assistant"]
    done = one(events, "response.done")["response"]
    assert done["output"][0]["content"][0]["type"] == ("audio" if name in FLAT else "output_audio")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_function_is_called_and_its_result_is_taken(name: str) -> None:
    call = FunctionCall(name="hang_up", arguments="{}")
    made = client(name, scenario=Scenario(steps=(Step(on="any", call=(call,)),)))
    update(made, name, tools=[HANG_UP])
    events = made.send("response.create") + made.wait(1000)
    asked = one(events, "response.function_call_arguments.done")
    assert ("name" in asked) is (name != "beta")
    assert one(events, "response.output_item.done")["item"]["name"] == "hang_up"
    item = {"type": "function_call_output", "call_id": asked["call_id"], "output": "done"}
    assert only(made.send("conversation.item.create", item=item), "error") == []


@pytest.mark.parametrize("name", OTHERS)
def test_M6_the_words_of_ga_are_not_understood(name: str) -> None:
    made = client(name)
    ga = engine_dialects.dialect("ga").session(EngineSettings(voice="marin"))
    assert error_of(made.raw(json.dumps({"type": "session.update", "session": ga})))


@pytest.mark.parametrize("message", [b"", b"{", b"[]", b'{"type":"x"}', b'{"type":7}', b"\xff"])
@pytest.mark.parametrize("name", DIALECTS)
def test_M6_garbage_is_answered_by_an_error_and_the_session_goes_on(
    name: str, message: bytes
) -> None:
    made = client(name)
    assert error_of(made.raw(message))
    assert one(update(made, name), "session.updated")


@pytest.mark.parametrize("name", FLAT)
def test_what_the_assistant_has_said_is_taken_as_text(name: str) -> None:
    made = client(name)
    item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello."}],
    }
    created = one(made.send("conversation.item.create", item=item), "conversation.item.created")
    assert created["item"]["content"] == item["content"]


@pytest.mark.parametrize("name", DIALECTS)
def test_M6_only_audio_may_be_large(name: str) -> None:
    made = client(name)
    update(made, name)
    sound = base64.b64encode(bytes(1_200_000)).decode()
    for part, refused in (
        ({"type": "input_audio", "audio": sound}, False),
        ({"type": "input_text", "text": "x" * 2_000_000}, True),
    ):
        item = {"type": "message", "role": "user", "content": [part]}
        events = made.raw(json.dumps({"type": "conversation.item.create", "item": item}))
        assert bool(only(events, "error")) is refused


def test_qwen_truncates_nothing_and_ends_by_a_goodbye() -> None:
    made = client("qwen")
    truncate = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 10}
    assert error_of(made.raw(json.dumps({"type": "conversation.item.truncate", **truncate})))
    assert not made.conversation.closed
    assert types_of(made.send("session.finish", event_id="1")) == ["session.finished"]
    assert made.conversation.closed
