"""Tools of an OpenAI Realtime session: of ours, and of MCP servers."""

from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    ResponseDone,
    ServerTool,
    ToolCall,
)
from support.engine.realtime_engine import (
    all_sent,
    function_call,
    item_event,
    one,
    response,
    sent,
    server_event,
    session,
    talking,
)
from support.engine.realtime_types import accepted_client_event


def test_a_tool_call_acts_when_its_response_has_completed() -> None:
    engine = session()
    assert list(engine.receive(function_call("resp_1"))) == []
    assert list(engine.receive(function_call("resp_2", "call_2"))) == []
    call, done = engine.receive(response("done", "resp_1", status="completed"))
    assert call == ToolCall("call_1", "hang_up", "{}", "resp_1")
    assert isinstance(done, ResponseDone)
    call, _ = engine.receive(response("done", "resp_2", status="completed"))
    assert isinstance(call, ToolCall)
    assert call.call_id == "call_2"


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_a_response_that_did_not_complete_does_not_act(status: str) -> None:
    engine = session()
    engine.receive(function_call("resp_1"))
    assert isinstance(one(engine.receive(response("done", "resp_1", status=status))), ResponseDone)
    assert engine.counters()["tool_calls_dropped"] == 1


def test_a_tool_result_and_the_wish_for_an_answer() -> None:
    result, create = session().tool_result("call_1", '{"ok":true}', respond=True)
    assert accepted_client_event(result)["item"] == {
        "id": "result_1",
        "type": "function_call_output",
        "call_id": "call_1",
        "output": '{"ok":true}',
    }
    assert accepted_client_event(create)["type"] == "response.create"
    assert len(session().tool_result("call_1", "{}", respond=False)) == 1


def mcp_item(kind: str = "mcp_call", **fields: Any) -> dict[str, Any]:
    return {
        "id": "item_7",
        "type": kind,
        "name": "search",
        "server_label": "docs",
        "arguments": "{}",
        **fields,
    }


@pytest.mark.parametrize("ending", ["completed", "failed"])
def test_a_tool_of_an_mcp_server_is_recorded_and_then_answered(ending: str) -> None:
    engine = talking()
    added = server_event("response.output_item.added", item=mcp_item())
    assert list(engine.receive(added)) == []
    started = engine.receive(server_event("response.mcp_call.in_progress", item_id="item_7"))
    assert one(started) == ServerTool("item_7", "docs: search", "started")
    ended = engine.receive(server_event(f"response.mcp_call.{ending}", item_id="item_7"))
    assert one(ended) == ServerTool("item_7", "docs: search", ending)  # type: ignore[arg-type]
    assert list(engine.take_outgoing()) == []  # the response that called it still runs
    engine.receive(response("done", "resp_1", status="completed"))
    assert sent(engine.take_outgoing())["type"] == "response.create"


def test_an_mcp_server_that_cannot_be_used_is_recorded() -> None:
    engine = session()
    engine.receive(
        item_event({"id": "item_8", "type": "mcp_list_tools", "server_label": "docs", "tools": []})
    )
    failed = engine.receive(server_event("mcp_list_tools.failed", item_id="item_8"))
    assert one(failed) == ServerTool("item_8", "docs: list of tools", "failed")


def test_an_mcp_call_cannot_be_approved_by_telephone_and_the_model_explains_itself() -> None:
    engine = session()
    request = mcp_item("mcp_approval_request")
    assert list(engine.receive(item_event(request))) == []
    declined = one(engine.receive(item_event(request, "done")))
    assert declined == ServerTool("item_7", "docs: search", "failed")
    answer, create = all_sent(engine.take_outgoing())
    assert answer["item"].items() >= {"approval_request_id": "item_7", "approve": False}.items()
    assert create["type"] == "response.create"
    assert engine.counters()["approvals_declined"] == 1


def test_the_names_of_server_tools_are_bounded() -> None:
    engine = session()
    for number in range(1000):
        engine.receive(item_event(mcp_item(id=f"item_{number}")))
    assert len(engine._server_tools) == 64
    (started,) = engine.receive(server_event("response.mcp_call.in_progress", item_id="item_1"))
    assert started == ServerTool("item_1", "", "started")
