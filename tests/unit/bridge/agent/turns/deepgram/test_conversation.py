"""The local agent in Deepgram's part; `turns/` has what it shares with others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.wire.audio_message import AudioMessage
from support.engine.vendor_client import MULAW, DeepgramClient

TONE = AgentSettings(scenario=Scenario(steps=(Step(times=0, tone_ms=2000),)))
MODEL = {"provider": {"type": "deepgram", "model": "m"}}
AGENT = {"listen": MODEL, "think": MODEL, "speak": MODEL}


def settings(audio: Any = None, **agent: Any) -> str:
    told = {"input": MULAW, "output": MULAW} if audio is None else audio
    return json.dumps({"type": "Settings", "audio": told, "agent": {**AGENT, **agent}})


def test_it_says_who_it_is_and_takes_settings_once() -> None:
    client = DeepgramClient()
    assert [one["type"] for one in client.log] == ["Welcome", "SettingsApplied"]
    assert client.log[0]["request_id"] == client.conversation.id
    assert client.raw(settings()) == ["Error"]
    assert client.conversation.closed


@pytest.mark.parametrize(
    "message",
    [
        b"not json",
        b"{}",
        b'{"type":"Hologram"}',
        b'{"type":"InjectUserMessage"}',
        b'{"type":"KeepAlive","more":1}',
        b'{"type":"UpdatePrompt","prompt":"%b"}' % (b"x" * (1 << 20)),
    ],
)
def test_what_the_vendor_ends_the_session_for_ends_it(message: bytes) -> None:
    client = DeepgramClient()
    assert client.raw(message) == ["Error"]
    assert client.log[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
    assert client.conversation.closed


@pytest.mark.parametrize(
    "message",
    [
        AudioMessage(b"\xff" * 160),
        settings({"input": {"encoding": "opus", "sample_rate": 48_000}}),
        settings({"output": {"encoding": "mulaw", "sample_rate": 16_000}}),
        settings(greetings="Hello"),
    ],
    ids=["audio", "opus", "rate", "unknown field"],
)
def test_what_cannot_begin_a_session(message: bytes | str) -> None:
    client = DeepgramClient.__new__(DeepgramClient)
    super(DeepgramClient, client).__init__()
    assert client.raw(message) == ["Error"]


def test_an_injection_is_refused_while_a_side_speaks() -> None:
    client = DeepgramClient(TONE)
    assert client.ask()[0] == "ConversationText"
    client.wait(1)
    assert client.ask() == ["InjectionRefused"]
    client.wait(2)
    client.speak(300)
    assert client.ask() == ["InjectionRefused"]


def test_a_greeting_of_the_settings_is_said_at_once() -> None:
    client = DeepgramClient(TONE, greeting="Hello!")
    client.wait(1)
    assert client.sound


def test_a_history_is_no_new_conversation() -> None:
    greeting = Step(on="greeting", tone_ms=400)
    told = AgentSettings(scenario=Scenario(steps=(greeting, Step(on="speak", tone_ms=200))))
    past = {"type": "History", "role": "user", "content": "Hello?"}
    client = DeepgramClient(told, context={"messages": [past]})
    client.ask()
    client.wait(2)
    assert client.sound_ms == pytest.approx(200, abs=5)


def test_M7_who_speaks_takes_the_calls_back() -> None:
    wanted = Step(on="greeting", call=(FunctionCall(name="clock"),))
    client = DeepgramClient(AgentSettings(scenario=Scenario(steps=(wanted,))))
    client.ask()
    client.wait(1)
    client.speak(300)
    (cancelled,) = client.of("FunctionCallCancelled")
    assert cancelled["functions"] == [{"id": client.calls()[0]["id"], "name": "clock"}]
    assert client.result(cancelled["functions"][0]["id"]) == []


def test_a_prompt_and_a_sign_of_life() -> None:
    client = DeepgramClient()
    assert client.send("UpdatePrompt", prompt="Be kind.") == ["PromptUpdated"]
    assert client.raw('{"type":"KeepAlive"}') == []
