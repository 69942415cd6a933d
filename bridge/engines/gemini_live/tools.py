"""The tool calls of a Gemini Live session that wait for a result."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sipua.bridge.engine_api.events import ToolCall
from sipua.bridge.engines.gemini_live.events import FunctionCall
from sipua.bridge.engines.openai.decoder import read_part

MAX_OPEN: Final = 64

_NOT_RUN: Final = "It was not run: the caller has interrupted."


class ToolCalls:
    """By our names for them: Vertex gives its calls none, and takes results in their order."""

    def __init__(self, prefix: str = "") -> None:
        self.dropped = 0
        self._prefix = prefix
        self._number = 0
        self._open: dict[str, FunctionCall] = {}
        self._cancelled: dict[str, None] = {}  # an ordered set

    def add(self, call: FunctionCall, response_id: str) -> ToolCall | None:
        """None: there are too many, or it names no tool."""
        if len(self._open) == MAX_OPEN or not call.name:
            self.dropped += 1
            return None
        self._number += 1
        call_id = call.id or f"{self._prefix}call_{self._number}"
        self._open[call_id] = call
        return ToolCall(call_id, call.name, _arguments(call.args), response_id)

    def result(self, call_id: str, output: str, *, respond: bool) -> dict[str, Any] | None:
        """The answer of a call; None: none of this session's waits for it."""
        call = self._open.pop(call_id, None)
        if call is None:
            return None
        answer = _answer(call, {"output": output})
        # Only heeded where calls do not block: a model that waits goes on in any case.
        return answer if respond else {**answer, "scheduling": "SILENT"}

    def refused(self, call: FunctionCall) -> dict[str, Any]:
        """The answer of a call that must not act; without any the model would wait for ever."""
        self.dropped += 1
        return _answer(call, {"error": _NOT_RUN})

    def cancel(self, call_ids: list[str]) -> int:
        """The caller has interrupted; how many of them still waited."""
        cancelled = [call_id for call_id in call_ids if self._open.pop(call_id, None) is not None]
        for call_id in cancelled:
            if len(self._cancelled) == MAX_OPEN:
                del self._cancelled[next(iter(self._cancelled))]
            self._cancelled[call_id] = None
        return len(cancelled)

    def was_cancelled(self, call_id: str) -> bool:
        return call_id in self._cancelled


def _answer(call: FunctionCall, response: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"name": call.name or "", "response": response}
    return {"id": call.id, **answer} if call.id else answer


def _arguments(args: msgspec.Raw) -> str:
    """As JSON of an object, whatever came."""
    content = read_part(args, dict[str, Any])
    return "{}" if content is None else msgspec.json.encode(content).decode()
