from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.turns.gemini.resumption import Resumptions
from support.engine.gemini_client import GeminiClient, sound_ms, steps

TOOLS = [{"functionDeclarations": [{"name": "clock", "behavior": "BLOCKING"}]}]
TONE = AgentSettings(scenario=Scenario(steps=(Step(times=0, tone_ms=4000),)))


def closed(client: GeminiClient) -> int:
    assert client.conversation.closed
    return client.conversation.farewell[0]


# The session


def test_a_setup_is_answered_and_a_handle_offered() -> None:
    first, second = GeminiClient().log
    assert first["setupComplete"]["sessionId"].startswith("session_")
    assert second["sessionResumptionUpdate"]["resumable"]
    client = GeminiClient()
    assert client.raw('{"setup":{}}') == []
    assert closed(client) == 1007


@pytest.mark.parametrize(
    "message",
    [
        b"not json",
        b"{}",
        b'{"setup":{"model":"m"}}',
        b'{"realtimeInput":{"text":"x"},"toolResponse":{"functionResponses":[]}}',
        b'{"realtimeInput":{"mediaChunks":[]}}',
        b'{"realtimeInput":{"audio":{"mimeType":"audio/pcmu","data":""}}}',
        b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=44100","data":""}}}',
        b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"@@@"}}}',
        b'{"realtimeInput":{"activityEnd":{}}}',
    ],
)
def test_what_the_vendor_closes_for_closes(message: bytes) -> None:
    client = GeminiClient()
    assert client.raw(message) == []
    assert closed(client) == 1007
    assert client.conversation.farewell[1]
    assert client.raw(message) == []


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_message_is_survived(message: bytes | str) -> None:
    client = GeminiClient()
    client.raw(message)
    client.wait(1)


def test_M3_the_end_is_told_before_it_comes() -> None:
    client = GeminiClient(AgentSettings(session_limit_s=10))
    assert client.wait(8.1) == [{"goAway": {"timeLeft": "2s"}}]
    assert not client.conversation.expired
    client.wait(2)
    assert client.conversation.expired


def test_M2_a_handle_is_good_when_its_session_is_gone() -> None:
    resumptions = Resumptions()
    first = GeminiClient(resumptions=resumptions)
    handle = {"handle": first.log[1]["sessionResumptionUpdate"]["newHandle"]}
    assert closed(GeminiClient(resumptions=resumptions, sessionResumption=handle)) == 1011
    first.conversation.ended()
    second = GeminiClient(resumptions=resumptions, sessionResumption=handle)
    assert "setupComplete" in second.log[0]
    assert closed(GeminiClient(sessionResumption=handle)) == 1008


# Answers


def test_an_answer_leaves_faster_than_it_plays_and_its_turn_ends_when_it_has_played() -> None:
    client = GeminiClient(TONE)
    client.say("Greet.")
    soon = client.wait(1)
    assert sound_ms(client.log) == 4000
    assert steps(soon) == ["generationComplete"]
    assert steps(client.wait(2.9)) == []
    late = client.wait(0.2)
    assert steps(late) == ["turnComplete"]
    (usage,) = [one["usageMetadata"] for one in late if "usageMetadata" in one]
    assert usage["responseTokenCount"] == 100


def test_M5_who_speaks_while_it_is_generated_interrupts_and_is_answered() -> None:
    client = GeminiClient(AgentSettings(speed=1.0, scenario=TONE.scenario))
    client.say("Greet.")
    client.wait(0.5)
    got = client.speak(300, quiet_ms=700)
    assert steps(got)[:2] == ["interrupted", "turnComplete"]
    assert sound_ms(client.log) < 2000
    assert steps(client.wait(5)) == ["generationComplete", "turnComplete"]


def test_M5_who_speaks_after_that_ends_the_turn_and_is_told_of_no_interruption() -> None:
    client = GeminiClient(TONE)
    client.say("Greet.")
    client.wait(1)
    assert steps(client.speak(300)) == ["turnComplete"]


def test_where_it_may_not_be_interrupted_the_caller_is_answered_after_it() -> None:
    handling = {"activityHandling": "NO_INTERRUPTION"}
    client = GeminiClient(TONE, realtimeInputConfig=handling)
    client.say("Greet.")
    assert "interrupted" not in steps(client.speak(300, quiet_ms=700))
    client.wait(10)
    assert steps(client.log) == ["generationComplete", "turnComplete"] * 2


def test_the_past_is_not_answered() -> None:
    client = GeminiClient(TONE, historyConfig={"initialHistoryInClientContent": True})
    client.say("Hello?")
    client.wait(5)
    assert steps(client.log) == []
    client.say("Go on.")
    client.wait(5)
    assert steps(client.log) == ["generationComplete", "turnComplete"]


def test_a_turn_of_text_that_is_not_complete_holds_all_answers() -> None:
    client = GeminiClient(TONE)
    client.send(clientContent={"turns": [], "turnComplete": False})
    client.speak(300, quiet_ms=700)
    assert steps(client.wait(5)) == []
    client.say("Now.")
    assert steps(client.wait(5)) == ["generationComplete", "turnComplete"]


def test_where_the_client_delimits_turns_it_is_answered_at_their_end() -> None:
    config: dict[str, Any] = {"automaticActivityDetection": {"disabled": True}}
    client = GeminiClient(realtimeInputConfig=config)
    client.send(realtimeInput={"activityStart": {}})
    client.speak(500, quiet_ms=1000)
    assert sound_ms(client.log) == 0
    client.send(realtimeInput={"activityEnd": {}})
    client.wait(5)
    assert sound_ms(client.log) == pytest.approx(1500, abs=20)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_the_parrot_says_what_was_said_at_any_rate(rate: int) -> None:
    client = GeminiClient()
    client.speak(1000, quiet_ms=700, rate=rate)
    client.wait(5)
    assert sound_ms(client.log) == pytest.approx(1500, abs=60)  # with the silence that ends it


# Tools


def calling() -> GeminiClient:
    wanted = Step(on="greeting", call=(FunctionCall(name="clock", arguments='{"zone":"UTC"}'),))
    scenario = Scenario(steps=(wanted, Step(times=0, tone_ms=200)))
    client = GeminiClient(AgentSettings(scenario=scenario), tools=TOOLS)
    client.say("Greet.")
    client.wait(1)
    return client


def call_of(client: GeminiClient) -> dict[str, Any]:
    (call,) = [one["toolCall"]["functionCalls"][0] for one in client.log if "toolCall" in one]
    return call


def test_M7_it_waits_for_the_result_and_goes_on() -> None:
    client = calling()
    call = call_of(client)
    assert (call["name"], call["args"]) == ("clock", {"zone": "UTC"})
    assert steps(client.wait(5)) == []
    result = {"id": call["id"], "name": "clock", "response": {"output": "12:00"}}
    client.send(toolResponse={"functionResponses": [result]})
    assert steps(client.wait(1)) == ["generationComplete", "turnComplete"]


def test_M7_who_interrupts_cancels_the_call_and_its_result_says_nothing() -> None:
    client = calling()
    got = client.speak(300)
    assert steps(got) == ["toolCallCancellation", "interrupted", "turnComplete"]
    (ids,) = [one["toolCallCancellation"]["ids"] for one in got if "toolCallCancellation" in one]
    assert ids == [call_of(client)["id"]]
    assert client.send(toolResponse={"functionResponses": [{"id": ids[0], "name": "clock"}]}) == []


# Scenarios


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"fail": "server_error"}, ["turnComplete"]),
        ({"cancel": True}, ["interrupted", "turnComplete"]),
        ({"silent": True}, []),
    ],
)
def test_M4_an_answer_that_goes_wrong(step: dict[str, Any], told: list[str]) -> None:
    settings = AgentSettings(scenario=Scenario(steps=(Step(tone_ms=1000, after_ms=500, **step),)))
    client = GeminiClient(settings)
    client.say("Greet.")
    assert steps(client.wait(5)) == told
    assert sound_ms(client.log) == 500


def test_a_loss_in_an_answer_is_told_to_the_server() -> None:
    settings = AgentSettings(scenario=Scenario(steps=(Step(tone_ms=1000, close=1011),)))
    client = GeminiClient(settings)
    client.say("Greet.")
    client.wait(5)
    loss = client.conversation.loss
    assert loss is not None
    assert (loss.kind, loss.code) == ("close", 1011)
