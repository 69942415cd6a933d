"""The model behind the voice of a Live session: its tool calls and their results.

Its steps reach the client as streaming events of the Responses API, each in a `response.event`:

    delegation.created · created · (item.added · arguments.done · item.done)* · completed
    the client: response.item.create for each call, then response.create
    created · completed, and the voice says the result
"""

from typing import Any

from sipua.bridge.agent.live.protocol import Item, LiveOutbox
from sipua.bridge.agent.wire.errors import ClientError

TEXT_TOKEN_CHARS = 4


class Backend:
    """The backend of one session. At most one task is open at a time."""

    __slots__ = ("_delegation_id", "_open", "_outbox", "_sequence")

    def __init__(self, outbox: LiveOutbox) -> None:
        self._outbox = outbox
        self._delegation_id = ""
        self._open: dict[str, bool] = {}  # call → answered
        self._sequence = 0

    @property
    def waiting(self) -> bool:
        return bool(self._open)

    def call(self, model: str, calls: list[tuple[str, str]], offset_ms: int, now_s: float) -> None:
        """Delegate to the client: call these functions, each with name and arguments."""
        self._delegation_id = self._outbox.new_id("item")
        response_id = self._outbox.new_id("resp")
        self._outbox.event(
            "session.delegation.created",
            delegation={
                "id": self._delegation_id,
                "type": "delegation",
                "target": "responses",
                "response_id": response_id,
            },
            offset_ms=offset_ms,
        )
        view = _view(response_id, model, now_s)
        self._nested("response.created", response={**view, "status": "in_progress"})
        size = 0
        for index, (name, arguments) in enumerate(calls):
            item = {
                "id": self._outbox.new_id("fc"),
                "type": "function_call",
                "status": "completed",
                "call_id": self._outbox.new_id("call"),
                "name": name,
                "arguments": arguments,
            }
            self._open[str(item["call_id"])] = False
            begun = {**item, "status": "in_progress", "arguments": ""}
            self._nested("response.output_item.added", output_index=index, item=begun)
            self._nested(
                "response.function_call_arguments.done",
                output_index=index,
                item_id=item["id"],
                arguments=arguments,
            )
            self._nested("response.output_item.done", output_index=index, item=item)
            size += len(arguments)
        self._complete(view, size)

    def take(self, item: Item) -> None:
        """response.item.create"""
        if item.type != "function_call_output":
            return  # context for the model; this one uses none
        call_id = item.call_id
        if not isinstance(call_id, str) or call_id not in self._open:
            raise ClientError(
                "invalid_tool_call_id",
                f"No tool call found for function call output with call_id {call_id}.",
                "item.call_id",
            )
        self._open[call_id] = True

    def go_on(self, model: str, now_s: float) -> bool:
        """Handle response.create; whether it answered calls."""
        missing = [call_id for call_id, answered in self._open.items() if not answered]
        if missing:
            raise ClientError(
                "missing_tool_output", f"No tool output found for function call {missing[0]}."
            )
        answered, self._open = bool(self._open), {}
        view = _view(self._outbox.new_id("resp"), model, now_s)
        self._nested("response.created", response={**view, "status": "in_progress"})
        self._complete(view, 0)
        return answered

    def _complete(self, view: dict[str, Any], chars: int) -> None:
        tokens = -(-chars // TEXT_TOKEN_CHARS)
        usage = {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens,
        }
        self._nested("response.completed", response={**view, "status": "completed", "usage": usage})

    def _nested(self, event_type: str, **fields: object) -> None:
        self._sequence += 1
        event = {"type": event_type, "sequence_number": self._sequence, **fields}
        self._outbox.event("response.event", event=event, delegation_id=self._delegation_id or None)


def _view(response_id: str, model: str, now_s: float) -> dict[str, Any]:
    """As the vendor's snapshots: without instructions, tools and output."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": float(int(now_s)),
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
