"""The vendor's own SDK as the judge of Live events.

Where its Live types stop, its Responses types go on: `response.event` holds one of their streaming
events, and tools other than functions are described there alone.
"""

import json
from typing import Any, get_args

from openai.types.live.client_event import ClientEvent
from openai.types.live.connect_server_event import ConnectServerEvent
from openai.types.live.server_event import ServerEvent
from openai.types.responses.response_stream_event import ResponseStreamEvent
from openai.types.responses.tool import Mcp
from pydantic import BaseModel

from support.engine.vendor_types import accept, accept_event, event_type

# The second union is that of sessions whose transport is another one; it has a few more.
SERVER_MODELS: tuple[type[BaseModel], ...] = tuple(
    dict.fromkeys((*get_args(get_args(ServerEvent)[0]), *get_args(get_args(ConnectServerEvent)[0])))
)
CLIENT_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(ClientEvent)[0])
NESTED_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(ResponseStreamEvent)[0])

_SERVER = {event_type(model): model for model in SERVER_MODELS}
_CLIENT = {event_type(model): model for model in CLIENT_MODELS}
_NESTED = {event_type(model): model for model in NESTED_MODELS}

MAX_PAST_MESSAGES = 128


def accepted_server_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    accept_event(_SERVER, _with_known_tools(content))
    if content["type"] == "response.event":
        accept_event(_NESTED, content["event"])
    return content


def accepted_client_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    accept_event(_CLIENT, _with_known_tools(content))
    if content["type"] == "session.start":
        _accept_past(content["session"].get("input") or [])
    return content


def _accept_past(items: list[dict[str, Any]]) -> None:
    """What the SDK only says in words: how many messages there may be, of one text part each."""
    assert len(items) <= MAX_PAST_MESSAGES
    assert all(len(item["content"]) == 1 for item in items)


def _with_known_tools(content: dict[str, Any]) -> dict[str, Any]:
    """The event without the fields of MCP tools, which Live's types do not list; they are held
    to the Responses API's."""
    session = content.get("session") or {}
    responses = (session.get("delegation") or {}).get("responses")
    if not responses or not responses.get("tools"):
        return content
    for tool in responses["tools"]:
        if tool["type"] == "mcp":
            accept(Mcp, tool, "tool")
    tools = [{"type": "mcp"} if tool["type"] == "mcp" else tool for tool in responses["tools"]]
    delegation = {**session["delegation"], "responses": {**responses, "tools": tools}}
    return {**content, "session": {**session, "delegation": delegation}}
