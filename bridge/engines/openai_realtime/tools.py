"""The tools of an OpenAI Realtime session: the calls that we run, and those that it runs itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from sipua.bridge.engine_api.events import ServerTool, ToolCall
from sipua.bridge.engines.openai_realtime.events import (
    Item,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsFailed,
)

MAX_PENDING: Final = 64
MAX_NAMES: Final = 64

McpEvent: TypeAlias = McpCallInProgress | McpCallCompleted | McpCallFailed | McpListToolsFailed

_STATUS: Final[Mapping[type, Literal["started", "completed", "failed"]]] = {
    McpCallInProgress: "started",
    McpCallCompleted: "completed",
    McpCallFailed: "failed",
    McpListToolsFailed: "failed",
}


class ToolCalls:
    """Calls wait here until their response has completed: a cancelled one must not act."""

    def __init__(self) -> None:
        self.dropped = 0
        self._pending: list[ToolCall] = []

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, call: ToolCall) -> None:
        if len(self._pending) == MAX_PENDING:
            self.dropped += 1
        else:
            self._pending.append(call)

    def release(self, response_id: str, *, completed: bool) -> list[ToolCall]:
        """The calls of a response that has ended."""
        calls = [call for call in self._pending if call.response_id == response_id]
        self._pending = [call for call in self._pending if call.response_id != response_id]
        if completed:
            return calls
        self.dropped += len(calls)
        return []


class ServerTools:
    """Calls to MCP servers: their events name an item, and the item names the tool."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._names)

    def seen(self, item: Item) -> None:
        if not item.id or item.type not in ("mcp_call", "mcp_list_tools", "mcp_approval_request"):
            return
        if len(self._names) == MAX_NAMES and item.id not in self._names:
            del self._names[next(iter(self._names))]
        name = item.name or "list of tools"
        self._names[item.id] = f"{item.server_label}: {name}" if item.server_label else name

    def told(self, event: McpEvent) -> ServerTool:
        return ServerTool(event.item_id, self._names.get(event.item_id, ""), _STATUS[type(event)])

    def failed(self, item_id: str) -> ServerTool:
        return ServerTool(item_id, self._names.get(item_id, ""), "failed")
