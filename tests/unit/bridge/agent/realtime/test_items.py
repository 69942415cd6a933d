from typing import Any

import pytest

from support.engine.agent_client import AgentClient, error_of, one, types_of


def message(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content)}


TEXT = {"type": "input_text", "text": "hello"}
SPOKEN = {"type": "input_audio", "audio": "AAEAAQ==", "transcript": "hello"}


@pytest.mark.parametrize(
    "item",
    [
        message("user", TEXT),
        message("user", SPOKEN),
        message("user", {"type": "input_image", "image_url": "data:image/png;base64,AA=="}),
        message("system", TEXT),
        message("assistant", {"type": "output_text", "text": "hello"}),
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1", "id": "me"},
    ],
)
def test_items_of_all_kinds_are_taken(item: dict[str, Any]) -> None:
    events = AgentClient().send("conversation.item.create", item=item)
    assert types_of(events) == ["conversation.item.added", "conversation.item.done"]
    shown = events[0]["item"]
    assert shown["status"] == "completed"
    assert shown["id"] == item.get("id", shown["id"])
    if "content" in item:
        spoken = {"type": "input_audio", "transcript": "hello"}
        assert shown["content"] == [spoken if part is SPOKEN else part for part in item["content"]]


def test_an_output_answers_a_call_that_was_made() -> None:
    client = AgentClient()
    output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    error = error_of(client.send("conversation.item.create", item=output))
    assert error["code"] == "invalid_tool_call_id"
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"}
    client.send("conversation.item.create", item=call)
    shown = one(client.send("conversation.item.create", item=output), "conversation.item.done")
    assert shown["item"]["output"] == "42"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "message", "content": [TEXT]}, "item.role"),
        ({"type": "message", "role": "user"}, "item.content"),
        (message("user", {"type": "output_text", "text": "x"}), "item.content[0].type"),
        (message("system", SPOKEN), "item.content[0].type"),
        (message("user", {"type": "input_text"}), "item.content[0].text"),
        (message("user", SPOKEN, SPOKEN), "item.content[1]"),
        (message("user", {**SPOKEN, "audio": "?"}), "item.content[0].audio"),
        ({"type": "function_call", "name": "f"}, "item.arguments"),
        ({"type": "mcp_call"}, "item.type"),
    ],
)
def test_M6_incomplete_items_are_errors(item: dict[str, Any], param: str) -> None:
    import json

    client = AgentClient()
    events = client.raw(json.dumps({"type": "conversation.item.create", "item": item}))
    assert error_of(events)["param"] == param
    assert types_of(client.send("conversation.item.create", item=message("user", TEXT)))


def test_the_agent_hears_an_audio_item() -> None:
    client = AgentClient()
    client.send("conversation.item.create", item=message("user", SPOKEN))
    events = client.send("response.create")
    assert one(events, "response.output_audio.delta")["delta"] == SPOKEN["audio"]
