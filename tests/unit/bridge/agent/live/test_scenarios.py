"""Scenarios and recognised words in a Live session of the local agent."""

from typing import Any

import numpy as np
import pytest

from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.scenario.scenario import ALWAYS, FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from support.engine.agent_client import error_of, one, only, types_of
from support.engine.live_client import RATE_MS, LiveClient, track_of, words_of
from support.engine.live_sounds import BACKEND, loud, tone

# Scenarios


def playing(*steps: Step, **session: Any) -> LiveClient:
    return LiveClient(AgentSettings(scenario=Scenario(steps=steps)), **session)


def nested(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["event"] for event in only(events, "response.event")]


def called(client: LiveClient) -> tuple[list[dict[str, Any]], list[str]]:
    """What came, and the ids of the calls in it, after the caller has said something."""
    client.say(tone(500))
    events = client.wait(1500)
    done = only(nested(events), "response.output_item.done")
    return events, [step["item"]["call_id"] for step in done]


CALL = FunctionCall(name="clock", arguments='{"zone":"UTC"}')


def test_a_tool_is_called_and_its_answer_spoken_about() -> None:
    step = Step(on="speech", call=(CALL,))
    client = playing(step, Step(on="tool_result", tone_ms=400), delegation=BACKEND)
    events, (call_id,) = called(client)
    created = one(events, "session.delegation.created")["delegation"]
    assert created["target"] == "responses"
    assert {event["delegation_id"] for event in only(events, "response.event")} == {created["id"]}
    assert types_of(nested(events)) == [
        "response.created",
        "response.output_item.added",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    (item,) = [step["item"] for step in only(nested(events), "response.output_item.done")]
    assert (item["name"], item["arguments"]) == ("clock", '{"zone":"UTC"}')
    assert not loud(track_of(events))

    result = {"type": "function_call_output", "call_id": call_id, "output": "12:00"}
    assert client.send("response.item.create", item=result) == []
    went_on = nested(client.send("response.create"))
    assert types_of(went_on) == ["response.created", "response.completed"]
    assert loud(track_of(client.wait(1000)))


def test_the_model_goes_on_with_all_answers_or_not_at_all() -> None:
    client = playing(Step(call=(CALL, CALL)), delegation=BACKEND)
    _, (first, second) = called(client)
    for call_id, missing in ((first, True), (second, False)):
        result = {"type": "function_call_output", "call_id": call_id, "output": "x"}
        client.send("response.item.create", item=result)
        events = client.send("response.create")
        assert bool(only(events, "error")) is missing
        if missing:
            assert error_of(events)["code"] == "missing_tool_output"


def test_a_session_without_a_backend_calls_nothing_and_says_so() -> None:
    client = playing(Step(call=(CALL,)))
    events, calls = called(client)
    assert calls == []
    assert "session.delegation.created" not in types_of(events)
    (warning,) = client.conversation.take_warnings()
    assert warning["tools"] == ["clock"]


def test_what_is_said_before_the_call_is_said_first() -> None:
    client = playing(Step(tone_ms=500, call=(CALL,)), delegation=BACKEND)
    client.commentary()
    events = client.wait(2000)
    delegated = types_of(events).index("session.delegation.created")
    assert loud(track_of(events[:delegated]))
    assert not loud(track_of(events[delegated:]))


@pytest.mark.parametrize(
    ("step", "loss"),
    [
        (Step(tone_ms=1000, close=1011, after_ms=300), Loss("close", 1011)),
        (Step(tone_ms=1000, cut=True, after_ms=300), Loss("cut")),
        (Step(tone_ms=1000, freeze=True), Loss("freeze")),
    ],
)
def test_M2_the_connection_is_lost_where_the_scenario_says(step: Step, loss: Loss) -> None:
    client = playing(step)
    client.commentary()
    track = track_of(client.wait(3000))
    assert client.conversation.loss == loss
    heard_ms = int(np.count_nonzero(np.abs(track.astype(int)) > 300)) / RATE_MS
    assert heard_ms <= step.after_ms


def test_an_answer_that_fails() -> None:
    client = playing(Step(tone_ms=1000, fail="server_error", after_ms=300))
    client.commentary()
    error = error_of(client.wait(1500))
    assert (error["type"], error["code"]) == ("server_error", "server_error")


def test_M4_a_model_that_never_says_anything() -> None:
    client = playing(Step(silent=True))
    client.commentary()
    assert not loud(track_of(client.wait(3000)))
    assert client.conversation.loss is None


def test_a_pause_in_the_middle() -> None:
    client = playing(Step(tone_ms=1000, after_ms=400, stall_ms=2000))
    client.commentary()
    track = np.abs(track_of(client.wait(5000)).astype(int)) > 300
    spoken_ms = np.flatnonzero(track) / RATE_MS
    assert spoken_ms[-1] - spoken_ms[0] == pytest.approx(3000, abs=20)


def test_a_step_of_its_own_time() -> None:
    client = playing(Step(on="time", at_s=5, close=1011))
    due = client.conversation.next_deadline()
    assert due == client.now + 5
    client._take(client.conversation.handle_timer(due))
    assert client.conversation.loss == Loss("close", 1011)


# Words


def listening(**settings: Any) -> LiveClient:
    steps = (
        Step(on="speech", heard="time", tone_ms=400),
        Step(on="speech", times=ALWAYS, silent=True),
    )
    return LiveClient(AgentSettings(scenario=Scenario(steps=steps), **settings))


def test_an_answer_that_words_decide_waits_for_them() -> None:
    client = listening()
    client.say(tone(500))
    assert not loud(track_of(client.wait(1500)))
    (recording,) = client.conversation.take_recordings()
    words = client._take(client.conversation.words_found(recording, "what time is it", client.now))
    assert words_of(words, "input") == "what time is it"
    assert loud(track_of(client.wait(500)))


def test_a_caller_who_speaks_on_is_not_answered_yet() -> None:
    client = listening()
    client.say(tone(500))
    client.wait(1000)
    (recording,) = client.conversation.take_recordings()
    client.say(tone(500))
    assert words_of(
        client._take(client.conversation.words_found(recording, "what time", client.now)), "input"
    )
    assert not loud(track_of(client.wait(300)))


def test_ears_alone_write_down_what_they_heard() -> None:
    client = LiveClient(AgentSettings(ears=True))
    client.say(tone(500))
    assert loud(track_of(client.wait(1500)))
    (recording,) = client.conversation.take_recordings()
    assert client.conversation.words_found(recording, None, client.now) == []


def test_words_that_come_after_the_end_are_not_told() -> None:
    client = LiveClient(AgentSettings(ears=True))
    client.say(tone(500))
    client.wait(1000)
    (recording,) = client.conversation.take_recordings()
    client.send("session.close")
    assert client.conversation.words_found(recording, "bye", client.now) == []
