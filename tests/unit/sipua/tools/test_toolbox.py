"""What an edge has on offer, and what each call takes out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.engine_api.events import ToolCall
from sipua.bridge.playout.sound_files import SoundError
from sipua.config.sections.tools import ToolsSection
from sipua.log import logs
from sipua.tools.toolbox import Toolbox
from support.calls.tool_call import FakeCall
from support.engine.realtime_types import accepted_client_event

MCP = {
    "label": "crm",
    "url": "https://mcp.example.com/mcp",
    "description": "Customers and their orders.",
    "authorization": "token-12345678",
    "headers": {"X-Tenant": "tenant-123456"},
    "allowed_tools": ["find", "list"],
}
ALL = ("hang_up", "transfer", "send_dtmf", "collect_digits", "put_on_hold", "get_call_info")


def toolbox(**keys: Any) -> Toolbox:
    return Toolbox(ToolsSection.model_validate(keys))


def valid(tools: Any) -> None:
    """As the vendor's types have it, nothing missing and nothing unknown."""
    session = {"type": "realtime", "tools": tools}
    accepted_client_event(json.dumps({"type": "session.update", "session": session}))


def test_what_is_declared_by_default() -> None:
    (tool,) = toolbox().declarations()
    assert tool["name"] == "hang_up"


def test_every_declaration_is_the_vendors_shape() -> None:
    box = toolbox(builtin=ALL, transfer={"targets": {"sales": "sip:201@192.0.2.10"}}, mcp=[MCP])
    declared = box.declarations()
    assert [tool.get("name", tool.get("server_label")) for tool in declared] == [*ALL, "crm"]
    valid(declared)
    for tool in declared[:-1]:
        assert len(tool["description"].split()) > 5


def test_an_mcp_server_is_passed_through() -> None:
    (declared,) = toolbox(builtin=[], mcp=[MCP]).declarations()
    assert declared == {
        "type": "mcp",
        "server_label": "crm",
        "server_url": "https://mcp.example.com/mcp",
        "server_description": "Customers and their orders.",
        "authorization": "token-12345678",
        "headers": {"X-Tenant": "tenant-123456"},
        "allowed_tools": ["find", "list"],
        "require_approval": "never",
    }
    bare: Mapping[str, Any] = {"label": "a", "url": "https://mcp.example.com"}
    (declared,) = toolbox(builtin=[], mcp=[bare]).declarations()
    assert declared == {
        "type": "mcp",
        "server_label": "a",
        "server_url": "https://mcp.example.com",
        "require_approval": "never",
    }
    valid([declared])


def test_a_route_takes_some_of_them() -> None:
    box = toolbox(builtin=["hang_up", "get_call_info"], mcp=[MCP])
    assert box.names == {"hang_up", "get_call_info", "crm"}
    assert [tool["type"] for tool in box.declarations(["get_call_info", "crm"])] == [
        "function",
        "mcp",
    ]
    assert box.declarations([]) == []


async def test_a_call_runs_only_what_was_declared_to_it() -> None:
    box = toolbox(builtin=["hang_up", "get_call_info"])
    call = FakeCall()
    runner = box.runner(call, logs.bind_call("c-test"), ["get_call_info"])
    runner.on_event(ToolCall("c0", "hang_up", "{}", "r1"), 0.0)
    assert runner.counters()["refused"] == 1
    await runner.close()
    assert call.steps == []


def test_a_hold_sound_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "hold.wav").write_text("no sound")
    with pytest.raises(SoundError, match=r"hold\.wav"):
        toolbox(put_on_hold={"sound": str(tmp_path / "hold.wav")})
    assert len(toolbox().hold)
