"""Tool calls of an OpenAI Live session, which another model makes on the voice's behalf.

    response.created ─▶ response.output_item.done (a call) × N ─▶ response.completed: run them
    response.item.create (an answer) × N ─▶ response.create, once the last one is in

The vendor refuses to go on with a part of the answers, so the request to go on waits for all.
Interrupting the voice does not cancel what was delegated.
"""

from __future__ import annotations

from typing import Final

from sipua.bridge.engine_api.events import ToolCall

MAX_DELEGATIONS: Final = 16  # at once
MAX_CALLS: Final = 64  # of one response


class _Delegated:
    """The current response to one delegated task."""

    __slots__ = ("answered", "calls", "completed", "response_id", "speak")

    def __init__(self, response_id: str) -> None:
        self.response_id = response_id
        self.calls: dict[str, ToolCall] = {}
        self.answered: set[str] = set()
        self.completed = False
        self.speak = False


class DelegatedCalls:
    """Which calls are open, and when all of a response's have been answered."""

    __slots__ = ("_delegated", "dropped")

    def __init__(self) -> None:
        self._delegated: dict[str, _Delegated] = {}
        self.dropped = 0

    def begin(self, delegation_id: str, response_id: str) -> None:
        self._forget(delegation_id)
        if len(self._delegated) == MAX_DELEGATIONS:
            self._forget(next(iter(self._delegated)))
        self._delegated[delegation_id] = _Delegated(response_id)

    def call(self, delegation_id: str, call_id: str, name: str, arguments: str) -> None:
        """Held until its response has completed."""
        delegated = self._delegated.get(delegation_id)
        if (
            delegated is None
            or delegated.completed
            or not call_id
            or len(delegated.calls) == MAX_CALLS
        ):
            self.dropped += 1
            return
        delegated.calls[call_id] = ToolCall(call_id, name, arguments, delegated.response_id)

    def complete(self, delegation_id: str) -> tuple[ToolCall, ...]:
        """The calls to run now."""
        delegated = self._delegated.get(delegation_id)
        if delegated is None or delegated.completed:
            return ()
        delegated.completed = True
        if not delegated.calls:
            del self._delegated[delegation_id]
        return tuple(delegated.calls.values())

    def fail(self, delegation_id: str) -> None:
        self._forget(delegation_id)

    def answer(self, call_id: str, *, respond: bool) -> bool | None:
        """Whether the engine is to go on now; None: this call's answer is not waited for."""
        for delegation_id, delegated in self._delegated.items():
            if not delegated.completed or call_id not in delegated.calls:
                continue
            if call_id in delegated.answered:
                return None
            delegated.answered.add(call_id)
            delegated.speak = delegated.speak or respond
            if len(delegated.answered) < len(delegated.calls):
                return False
            del self._delegated[delegation_id]
            return delegated.speak
        return None

    def _forget(self, delegation_id: str) -> None:
        if (delegated := self._delegated.pop(delegation_id, None)) is not None:
            self.dropped += len(delegated.calls) - len(delegated.answered)
