"""The tool calls of a Gemini session that wait for their results: the model says nothing until it
has all of them."""

import msgspec
from msgspec import UnsetType

from sipua.bridge.agent.gemini.protocol import FunctionResponse, Outbox
from sipua.bridge.agent.scenario.scenario import FunctionCall


class OpenCalls:
    __slots__ = ("_open", "_outbox")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: set[str] = set()

    @property
    def waiting(self) -> bool:
        return bool(self._open)

    def call(self, calls: tuple[FunctionCall, ...]) -> None:
        told = [
            {
                "id": self._outbox.new_id("fc"),
                "name": call.name,
                "args": msgspec.Raw(call.arguments.encode()),
            }
            for call in calls
        ]
        self._open = {str(call["id"]) for call in told}
        self._outbox.say(toolCall={"functionCalls": told})

    def cancel(self) -> bool:
        """The caller has interrupted; whether there were any."""
        if not self._open:
            return False
        self._outbox.say(toolCallCancellation={"ids": sorted(self._open)})
        self._open = set()
        return True

    def answer(self, responses: list[FunctionResponse]) -> bool:
        """Whether the last result is in. One of a call that was cancelled says nothing."""
        if not self._open:
            return False
        self._open -= {one.id for one in responses if not isinstance(one.id, UnsetType)}
        return not self._open
