"""Scenarios played by a conversation: what the client sees, and when."""

import json
from typing import Any

import numpy as np
import pytest

from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.garbage import HUGE_BYTES, KINDS, Binary, garbage
from sipua.bridge.agent.scenario.scenario import ALWAYS, FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCMU
from sipua.bridge.agent.speech.prompts import prompt
from support.engine.agent_client import AgentClient, audio_of, error_of, one, only, types_of
from support.media.audio import silence, tone

RATE = 24_000
TURN = np.concatenate((tone(300, 600, RATE), silence(700, RATE)))
GREETING = prompt("greeting")
WEATHER = FunctionCall(name="get_weather", arguments='{"city": "Berlin"}')
CLOCK = FunctionCall(name="get_time")
TOOLS = [
    {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}
    for name in ("get_weather", "get_time")
]


def client(*steps: Step, **settings: Any) -> AgentClient:
    made = AgentClient(AgentSettings(scenario=Scenario(steps=steps), **settings))
    made.update(tools=TOOLS)
    return made


def done(events: list[dict[str, Any]]) -> dict[str, Any]:
    response: dict[str, Any] = one(events, "response.done")["response"]
    return response


def test_each_kind_of_request_has_its_step() -> None:
    names = ("greeting", "speech", "tool_result", "speak")
    steps = [Step(on=name, tone_ms=100 * n) for n, name in enumerate(names, 1)]
    agent = client(*steps, Step(on="speech", call=(WEATHER,)))

    def spoken_ms(events: list[dict[str, Any]]) -> float:
        return len(audio_of(events)) / 48

    assert spoken_ms(agent.send("response.create") + agent.wait(500)) == 100
    assert spoken_ms(agent.say(TURN) + agent.wait(500)) == 200
    call = done(agent.say(TURN) + agent.wait(500))["output"][0]
    agent.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "mild"},
    )
    assert spoken_ms(agent.send("response.create") + agent.wait(500)) == 300
    asked = agent.send("response.create", response={"instructions": "Are you there?"})
    assert spoken_ms(asked + agent.wait(500)) == 400


def test_a_restored_conversation_is_not_greeted() -> None:
    agent = client(Step(on="greeting", tone_ms=100), Step(on="speak", tone_ms=300))
    for role, kind in (
        ("system", "input_text"),
        ("user", "input_text"),
        ("assistant", "output_text"),
    ):
        content = [{"type": kind, "text": "What was said."}]
        agent.send(
            "conversation.item.create", item={"type": "message", "role": role, "content": content}
        )
    events = agent.send("response.create") + agent.wait(1000)
    assert len(audio_of(events)) == 300 * 48


def test_a_typed_message_is_a_turn_of_which_the_words_are_known() -> None:
    agent = client(Step(on="speech", heard="weather", call=(WEATHER,)))
    for text, kinds in (("Hello", ["message"]), ("the WEATHER please", ["function_call"])):
        content = [{"type": "input_text", "text": text}]
        agent.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        output = done(agent.send("response.create") + agent.wait(5000))["output"]
        assert [item["type"] for item in output] == kinds


def test_calls_leave_in_the_vendor_s_order() -> None:
    agent = client(Step(call=(WEATHER, CLOCK)))
    events = agent.send("response.create")
    each = [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
    ]
    assert types_of(events) == [
        "response.created",
        "rate_limits.updated",
        *each,
        *each,
        "response.done",
    ]
    output = done(events)["output"]
    assert [(item["name"], item["arguments"]) for item in output] == [
        ("get_weather", '{"city": "Berlin"}'),
        ("get_time", "{}"),
    ]
    arguments = only(events, "response.function_call_arguments.done")
    assert [event["output_index"] for event in arguments] == [0, 1]
    assert [event["call_id"] for event in arguments] == [item["call_id"] for item in output]
    assert only(events, "response.output_item.added")[0]["item"]["status"] == "in_progress"
    assert done(events)["usage"]["output_token_details"]["text_tokens"] > 0


@pytest.mark.parametrize("first", [False, True])
def test_speech_and_calls_in_one_response(first: bool) -> None:
    agent = client(Step(tone_ms=400, call=(WEATHER,), call_first=first))
    events = agent.send("response.create") + agent.wait(1000)
    kinds = [item["type"] for item in done(events)["output"]]
    assert kinds == (["function_call", "message"] if first else ["message", "function_call"])
    delta = only(events, "response.output_audio.delta")[0]
    assert delta["output_index"] == int(first)
    assert len(audio_of(events)) == 400 * 48


def test_a_call_stands_also_in_a_response_that_is_cancelled() -> None:
    agent = client(Step(call=(WEATHER,), cancel=True))
    events = agent.send("response.create")
    assert one(events, "response.function_call_arguments.done")["name"] == "get_weather"
    assert done(events)["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done(events)["output"][0]["status"] == "completed"


def test_the_caller_interrupts_what_is_said_behind_a_call() -> None:
    agent = client(Step(call=(WEATHER,), call_first=True, tone_ms=20_000))
    events = agent.send("response.create") + agent.say(TURN)
    ended = only(events, "response.done")[0]["response"]
    assert ended["status"] == "cancelled"
    assert [item["status"] for item in ended["output"]] == ["completed", "incomplete"]


@pytest.mark.parametrize(
    ("wishes", "called"),
    [
        ({"tool_choice": "none"}, []),
        ({"tool_choice": {"type": "function", "name": "get_time"}}, ["get_time"]),
        ({"parallel_tool_calls": False}, ["get_weather"]),
        ({"tool_choice": "required"}, ["get_weather", "get_time"]),
    ],
)
def test_tool_choice_is_obeyed_and_what_it_forbids_is_warned_of(
    wishes: dict[str, Any], called: list[str]
) -> None:
    agent = client(Step(call=(WEATHER, CLOCK)))
    output = done(agent.send("response.create", response=wishes))["output"]
    assert [item["name"] for item in output] == called
    warned = [warning["event"] for warning in agent.conversation.take_warnings()]
    assert warned == ([] if len(called) == 2 else ["agent.scenario.call_left_out"])


def test_without_a_script_a_call_that_is_required_is_made() -> None:
    agent = client()
    agent.update(tool_choice="required")
    call = done(agent.send("response.create"))["output"][0]
    assert (call["name"], call["arguments"]) == ("get_weather", "{}")
    agent.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "mild"},
    )
    assert audio_of(agent.send("response.create") + agent.wait(3000))


def test_an_unknown_tool_is_called_and_warned_of() -> None:
    agent = client(Step(call=(FunctionCall(name="launch"),)))
    assert done(agent.send("response.create"))["output"][0]["name"] == "launch"
    (warning,) = agent.conversation.take_warnings()
    assert (warning["event"], warning["tools"]) == ("agent.scenario.unknown_tool", ["launch"])
    assert agent.conversation.take_warnings() == []


def test_a_stall_before_the_first_word() -> None:
    agent = client(Step(stall_ms=3000))
    assert "response.output_item.added" not in types_of(
        agent.send("response.create") + agent.wait(2999)
    )
    assert audio_of(agent.wait(3000)) == GREETING.data


def test_a_stall_in_mid_sentence() -> None:
    agent = client(Step(stall_ms=3000, after_ms=500))
    events = agent.send("response.create") + agent.wait(2500)
    assert len(audio_of(events)) == 500 * 48
    assert audio_of(events + agent.wait(4000)) == GREETING.data


def test_silence_never_ends_but_can_be_cancelled() -> None:
    agent = client(Step(silent=True))
    assert types_of(agent.send("response.create")) == ["response.created", "rate_limits.updated"]
    assert agent.wait(100_000) == []
    assert error_of(agent.send("response.create"))["code"] == (
        "conversation_already_has_active_response"
    )
    assert done(agent.send("response.cancel"))["status"] == "cancelled"


def test_silence_in_mid_sentence() -> None:
    agent = client(Step(silent=True, after_ms=300))
    events = agent.send("response.create") + agent.wait(100_000)
    assert len(audio_of(events)) == 300 * 48
    assert "response.done" not in types_of(events)


def test_a_failure_at_once_and_after_some_words() -> None:
    agent = client(Step(fail="server_error"), Step(fail="server_error", after_ms=300))
    first = done(agent.send("response.create"))
    error = {"type": "server_error", "code": "server_error"}
    assert (first["output"], first["status_details"]) == ([], {"type": "failed", "error": error})
    events = agent.send("response.create") + agent.wait(1000)
    assert len(audio_of(events)) == 300 * 48
    assert (done(events)["status"], done(events)["output"][0]["status"]) == (
        "failed",
        "incomplete",
    )


@pytest.mark.parametrize(
    ("step", "loss"),
    [
        (Step(close=1011, after_ms=300), Loss("close", 1011)),
        (Step(cut=True, after_ms=300), Loss("cut")),
        (Step(freeze=True, after_ms=300), Loss("freeze")),
    ],
)
def test_the_connection_is_lost_after_so_much_audio(step: Step, loss: Loss) -> None:
    agent = client(step)
    events = agent.send("response.create")
    assert agent.conversation.loss is None
    events += agent.wait(1000)
    assert agent.conversation.loss == loss
    assert len(audio_of(events)) == 300 * 48
    assert "response.done" not in types_of(events)


def test_the_connection_is_lost_behind_a_call() -> None:
    agent = client(Step(call=(WEATHER,), cut=True))
    events = agent.send("response.create")
    assert one(events, "response.function_call_arguments.done")
    assert agent.conversation.loss == Loss("cut")


def test_the_connection_is_lost_at_a_second_of_the_session() -> None:
    agent = client(Step(on="time", at_s=2, close=1012))
    agent.wait(1999)
    assert agent.conversation.loss is None
    agent.wait(1)
    assert agent.conversation.loss == Loss("close", 1012)


def test_a_burst_leaves_in_one_go() -> None:
    agent = client(Step(burst_s=30))
    agent.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
    events = agent.send("response.create")
    (delta,) = only(events, "response.output_audio.delta")
    assert len(audio_of([delta])) == 30_000 * PCMU.bytes_per_ms
    assert done(events)["status"] == "completed"


def test_M6_garbage_comes_before_the_answer_and_changes_nothing_else() -> None:
    shared = SharedAgentState(AgentSettings(scenario=Scenario(steps=(Step(garbage=KINDS),))))
    agent = AgentClient(shared=shared)
    messages = agent.conversation.receive('{"type":"response.create"}', agent.now)
    nonsense = [garbage(kind) for kind in KINDS]
    assert messages[2 : 2 + len(KINDS)] == nonsense
    assert audio_of(agent._take(messages[:2] + messages[2 + len(KINDS) :]) + agent.wait(5000)) == (
        GREETING.data
    )


def test_garbage_is_what_it_says() -> None:
    assert isinstance(garbage("binary"), Binary)
    assert len(garbage("huge")) > HUGE_BYTES
    assert json.loads(garbage("error"))["error"]["code"] == "rehearsed"
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(garbage("json"))
    for kind in ("event", "base64", "item", "huge"):
        assert json.loads(garbage(kind))["type"]


def test_the_second_session_is_spared() -> None:
    shared = SharedAgentState(
        AgentSettings(scenario=Scenario(steps=(Step(cut=True, scope="server"), Step(on="speech"))))
    )
    first, second = AgentClient(shared=shared), AgentClient(shared=shared)
    first.send("response.create")
    assert first.conversation.loss == Loss("cut")
    assert audio_of(second.send("response.create") + second.wait(5000)) == GREETING.data
    assert second.conversation.loss is None


def test_rate_limits_are_shared_and_answers_beyond_them_fail() -> None:
    shared = SharedAgentState(AgentSettings(rate_limit_tokens=60))
    first, second = AgentClient(shared=shared), AgentClient(shared=shared)
    first.send("response.create")
    first.wait(2000)
    second.now = first.now
    events = second.send("response.create")
    assert one(events, "rate_limits.updated")["rate_limits"][0]["remaining"] == 0
    assert done(events)["status_details"]["error"]["code"] == "rate_limit_exceeded"
    second.wait(60_000)
    assert done(second.send("response.create") + second.wait(3000))["status"] == "completed"


def test_always_is_always() -> None:
    agent = client(Step(times=ALWAYS, tone_ms=100))
    for _ in range(5):
        assert len(audio_of(agent.send("response.create") + agent.wait(500))) == 100 * 48
