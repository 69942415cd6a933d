"""What the local agent's sessions in the parts of Deepgram and ElevenLabs have in common."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCMU, converted
from sipua.bridge.agent.speech.prompts import prompt
from support.engine.vendor_client import DeepgramClient, ElevenLabsClient, VendorClient
from support.media import audio, g711

GREETING = converted(prompt("greeting"), PCMU).data
SILENCE = b"\xff" * 160
SAID = g711.encode(g711.PCMU, audio.speech("short"))

KINDS = pytest.mark.parametrize("kind", [DeepgramClient, ElevenLabsClient])
Kind = type[DeepgramClient] | type[ElevenLabsClient]


def rehearsing(*steps: Step, **settings: Any) -> AgentSettings:
    return AgentSettings(scenario=Scenario(steps=steps), **settings)


def asked(kind: Kind, settings: AgentSettings | None = None) -> VendorClient:
    """It answers: an agent of ElevenLabs unasked."""
    client = kind(settings)
    if kind is DeepgramClient:
        client.ask()
    return client


@KINDS
def test_it_greets_with_its_words(kind: Kind) -> None:
    client = asked(kind)
    assert client.wait(10).count(client.done) == 1
    assert client.sound == GREETING
    assert prompt("greeting").transcript in json.dumps(client.log)


@KINDS
def test_it_says_what_it_has_heard(kind: Kind) -> None:
    client = asked(kind, AgentSettings(greeting=False))
    client.wait(1)
    assert client.sound == b""
    client.hear(SILENCE * 20 + SAID + SILENCE * 60)
    client.wait(10)
    assert audio.is_in(audio.speech("short"), g711.decode(g711.PCMU, client.sound))
    assert "s of speech]" in json.dumps(client.log)


@KINDS
def test_audio_leaves_faster_than_it_plays(kind: Kind) -> None:
    client = asked(kind, rehearsing(Step(tone_ms=4000)))
    client.wait(1)
    assert client.sound_ms == pytest.approx(4000, abs=5)


@KINDS
def test_M5_who_speaks_into_an_answer_interrupts_it_and_is_answered(kind: Kind) -> None:
    client = asked(kind, rehearsing(Step(times=0, tone_ms=4000), speed=1.0))
    client.wait(0.5)
    got = client.speak(300, quiet_ms=700)
    assert got.count(client.interrupted) == 1
    assert client.conversation.counters.interrupted == 1
    said_ms = client.sound_ms
    assert said_ms < 2000
    assert client.wait(6).count(client.done) == 1
    assert client.sound_ms - said_ms > 3500


@KINDS
def test_M5_what_has_left_plays_on_and_can_be_interrupted(kind: Kind) -> None:
    client = asked(kind, rehearsing(Step(tone_ms=4000)))
    client.wait(1)  # all has left
    client.speak(300)
    assert client.conversation.counters.interrupted == 1
    client = asked(kind, rehearsing(Step(tone_ms=4000)))
    client.wait(5)  # all was heard
    client.speak(300)
    assert client.conversation.counters.interrupted == 0


@KINDS
def test_M7_it_waits_for_all_results_and_goes_on(kind: Kind) -> None:
    calls = (FunctionCall(name="clock", arguments='{"zone":"UTC"}'), FunctionCall(name="clock"))
    client = asked(kind, rehearsing(Step(on="greeting", call=calls), Step(times=0, tone_ms=200)))
    client.wait(5)
    first, second = client.calls()
    arguments = first["arguments"]
    assert (json.loads(arguments) if isinstance(arguments, str) else arguments) == {"zone": "UTC"}
    assert first["name"] == "clock"
    client.result(first["id"])
    client.result("no call of ours")
    client.result(first["id"])
    client.wait(2)
    assert client.sound == b""
    client.result(second["id"])
    client.wait(2)
    assert client.sound_ms == pytest.approx(200, abs=5)


@KINDS
def test_a_turn_while_a_tool_runs_is_answered_in_the_end(kind: Kind) -> None:
    wanted = Step(on="greeting", call=(FunctionCall(name="clock"),))
    client = asked(kind, rehearsing(wanted, Step(times=0, tone_ms=200)))
    client.wait(1)
    client.speak(300, quiet_ms=700)
    (call,) = client.calls()
    client.result(call["id"])
    client.wait(3)
    assert client.of(client.done)


@KINDS
@pytest.mark.parametrize(
    "step", [{"fail": "server_error"}, {"cancel": True}, {"silent": True}, {"close": 1013}]
)
def test_M4_an_answer_that_goes_wrong(kind: Kind, step: dict[str, Any]) -> None:
    client = asked(kind, rehearsing(Step(tone_ms=1000, after_ms=500, **step)))
    got = client.wait(5)
    assert client.done not in got
    assert client.sound_ms == 500
    told = [one for one in got if one in ("Error", "error", client.interrupted)]
    loss = client.conversation.loss
    if "fail" in step:
        assert told in (["Error"], ["error"])
        assert "server_error" in json.dumps(client.log)
        assert loss is not None
    elif "cancel" in step:
        assert (told, loss) == ([client.interrupted], None)
    else:
        assert told == []
        assert (loss and loss.code) == step.get("close")


@KINDS
def test_after_a_cancelled_answer_it_goes_on(kind: Kind) -> None:
    client = asked(kind, rehearsing(Step(tone_ms=1000, cancel=True), Step(times=0, tone_ms=200)))
    client.wait(2)
    client.speak(300, quiet_ms=700)
    client.wait(2)
    assert client.of(client.done)


@KINDS
def test_M6_nonsense_comes_before_the_answer(kind: Kind) -> None:
    kinds: tuple[GarbageKind, ...] = ("json", "event", "base64", "error", "item")
    client = kind(rehearsing(Step(on="speech", tone_ms=200, garbage=kinds)))
    sent: list[bytes] = []
    client._read = lambda message: sent.append(message) or []  # type: ignore[method-assign,func-returns-value]
    client.speak(300, quiet_ms=700)
    assert {client.conversation._garbage(one) for one in kinds} <= set(sent)


@KINDS
def test_a_fault_by_time(kind: Kind) -> None:
    client = kind(rehearsing(Step(on="time", at_s=5, freeze=True)))
    client.wait(4.9)
    assert client.conversation.loss is None
    client.wait(0.2)
    assert client.conversation.loss.kind == "freeze"


@KINDS
def test_M3_the_end_comes_in_time(kind: Kind) -> None:
    client = kind(AgentSettings(session_limit_s=60))
    client.wait(59.9)
    assert not client.conversation.expired
    client.wait(0.2)
    assert client.conversation.expired


@KINDS
@given(message=st.binary(max_size=60) | st.text(max_size=60))
def test_any_message_is_survived(kind: Kind, message: bytes | str) -> None:
    client = kind()
    client.raw(message)
    assert client.conversation.counters.client_errors == 1
    assert client.conversation.closed
    assert client.raw(message) == []
    client.wait(1)
