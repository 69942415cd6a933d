"""The tools of an OpenAI Realtime session: the calls that we run, and those that it runs itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Released:
    """The calls of a response that has ended."""

    calls: tuple[ToolCall, ...] = ()
    nameless: tuple[ToolCall, ...] = ()
    """Of no function that the server has named: they cannot be run."""


class ToolCalls:
    """Calls wait here until their response has completed: a cancelled one must not act.

    Some servers name the function in the call, others in the item that the call belongs to.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._pending: list[tuple[str, ToolCall]] = []  # by item
        self._names: dict[str, str] = {}  # of functions, by item

    def __len__(self) -> int:
        return len(self._pending)

    def seen(self, item: Item) -> None:
        if item.type != "function_call" or not item.id or not item.name:
            return
        if len(self._names) == MAX_NAMES and item.id not in self._names:
            del self._names[next(iter(self._names))]
        self._names[item.id] = item.name

    def add(self, call: ToolCall, item_id: str = "") -> None:
        if len(self._pending) == MAX_PENDING:
            self.dropped += 1
        else:
            self._pending.append((item_id, call))

    def release(self, response_id: str, *, completed: bool) -> Released:
        ended = [pair for pair in self._pending if pair[1].response_id == response_id]
        self._pending = [pair for pair in self._pending if pair[1].response_id != response_id]
        if not completed:
            self.dropped += len(ended)
            return Released()
        calls = [
            call if call.name else replace(call, name=self._names.get(item_id, ""))
            for item_id, call in ended
        ]
        nameless = tuple(call for call in calls if not call.name)
        self.dropped += len(nameless)
        return Released(tuple(call for call in calls if call.name), nameless)


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
