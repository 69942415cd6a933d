"""Tools of an OpenAI Live session: calls of the delegation model, and their results."""

from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    EngineFault,
    ServerTool,
    ToolCall,
    Usage,
    Used,
)
from sipua.bridge.engines.openai_live.protocol import (
    NO_TOOLS,
)
from sipua.bridge.engines.openai_live.tools import MAX_CALLS, MAX_DELEGATIONS
from support.engine.live_engine import TOOL, call, engine, nested, response, sent, server_event


def test_a_tool_call_acts_when_its_response_has_completed() -> None:
    live = engine(tools=[TOOL])
    assert live.receive(nested("response.created", response=response())) == ()
    assert call(live, "call_1") == ()
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 109,
    }
    completed = nested("response.completed", response=response(usage=usage))
    assert live.receive(completed) == (
        ToolCall("call_1", "clock", "{}", "resp_1"),
        Used(Usage(text_in=100, text_in_cached=40, text_out=9), "delegation"),
    )
    assert sent(live.tool_result("call_1", "12:00", respond=True)) == [
        {
            "type": "response.item.create",
            "item": {"type": "function_call_output", "call_id": "call_1", "output": "12:00"},
        },
        {"type": "response.create"},
    ]


def test_the_model_goes_on_when_all_answers_are_in() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    for call_id in ("call_1", "call_2"):
        call(live, call_id)
    assert len(live.receive(nested("response.completed", response=response()))) == 2
    first = sent(live.tool_result("call_2", "b", respond=True))
    assert [event["type"] for event in first] == ["response.item.create"]
    second = sent(live.tool_result("call_1", "a", respond=False))
    assert [event["type"] for event in second] == ["response.item.create", "response.create"]


def test_a_tool_that_wants_no_answer_gets_none() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    call(live, "call_1")
    live.receive(nested("response.completed", response=response()))
    (result,) = sent(live.tool_result("call_1", "", respond=False))
    assert result["type"] == "response.item.create"


def test_two_tasks_at_once_do_not_wait_for_each_other() -> None:
    live = engine(tools=[TOOL])
    for about in ("del_1", "del_2"):
        live.receive(nested("response.created", about, response=response(about)))
        call(live, f"call of {about}", delegation_id=about)
    for about in ("del_2", "del_1"):
        done = nested("response.completed", about, response=response(about))
        assert live.receive(done) == (ToolCall(f"call of {about}", "clock", "{}", about),)
    assert len(live.tool_result("call of del_1", "", respond=True)) == 2
    assert len(live.tool_result("call of del_2", "", respond=True)) == 2


@pytest.mark.parametrize(
    ("status", "fields", "said"),
    [
        ("failed", {"error": {"code": "server_error", "message": "Broken."}}, "Broken."),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ("failed", {}, "no reason"),
    ],
)
def test_a_response_that_did_not_complete_does_not_act(
    status: str, fields: dict[str, Any], said: str
) -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    call(live, "call_1")
    event = nested(f"response.{status}", response=response(**fields))
    assert live.receive(event) == (EngineFault("delegation_failed", said),)
    assert live.counters()["tool_calls_dropped"] == 1
    assert live.receive(nested("response.completed", response=response())) == ()


def test_the_answer_to_another_sessions_call_is_told_in_words() -> None:
    live = engine(tools=[TOOL])
    (said,) = sent(live.tool_result("call_9", "12:00", respond=True))
    assert (said["type"], said["content"]) == (
        "session.commentary.append",
        "A tool returned: 12:00",
    )
    (kept,) = sent(live.tool_result("call_9", "12:00", respond=False))
    assert kept["type"] == "session.thinking.append"


def test_a_tool_of_the_vendors_is_for_the_record() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    item = {
        "id": "mcp_1",
        "type": "mcp_call",
        "name": "search",
        "server_label": "shop",
        "arguments": "{}",
    }
    done = nested("response.output_item.done", item=item)
    assert live.receive(done) == (ServerTool("mcp_1", "search", "completed"),)


def test_a_task_for_which_there_is_nobody_is_given_back_at_once() -> None:
    live = engine()
    delegation = {"id": "del_1", "type": "delegation", "target": "client"}
    created = server_event("session.delegation.created", delegation=delegation, offset_ms=0)
    assert live.receive(created) == ()
    assert sent(live.take_outgoing()) == [
        {"type": "session.commentary.append", "delegation_id": "del_1", "content": NO_TOOLS}
    ]
    assert live.take_outgoing() == ()


def test_a_task_for_the_other_model_is_that_ones() -> None:
    live = engine(tools=[TOOL])
    delegation = {"id": "del_1", "type": "delegation", "target": "responses"}
    created = server_event("session.delegation.created", delegation=delegation, offset_ms=0)
    assert live.receive(created) == ()
    assert live.take_outgoing() == ()


def test_what_is_remembered_of_tools_is_bounded() -> None:
    live = engine(tools=[TOOL])
    for number in range(MAX_DELEGATIONS + 5):
        live.receive(nested("response.created", f"del_{number}", response=response()))
    for number in range(MAX_CALLS + 5):
        call(live, f"call_{number}", delegation_id=f"del_{MAX_DELEGATIONS + 4}")
    done = nested("response.completed", f"del_{MAX_DELEGATIONS + 4}", response=response())
    assert len(live.receive(done)) == MAX_CALLS
    assert live.counters()["tool_calls_dropped"] == 5
