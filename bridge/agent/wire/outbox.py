"""The events that the agent sends: encoded in order, with ids of their own."""

from typing import ClassVar

import msgspec

from sipua.bridge.agent.wire.errors import ClientError


class Outbox:
    """Encodes our events in order, and gives them and the conversation's objects their ids."""

    about: ClassVar[str] = "event_id"
    """The field of an error that names the client's event."""

    __slots__ = ("_count", "_encode", "_entropy", "_events")

    def __init__(self, entropy: str) -> None:
        self._entropy = entropy  # what sets this session's ids apart from any other's
        self._count = 0
        self._events: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    def new_id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._entropy}{self._count:06d}"

    def event(self, event_type: str, **fields: object) -> None:
        self._events.append(
            self._encode({"type": event_type, "event_id": self.new_id("event"), **fields})
        )

    def raw(self, message: bytes) -> None:
        """No event of ours: garbage, asked for."""
        self._events.append(message)

    def error(
        self, error: ClientError, event_id: str | None, kind: str = "invalid_request_error"
    ) -> None:
        self.event(
            "error",
            error={
                "type": kind,
                "code": error.code,
                "message": error.message,
                "param": error.param,
                self.about: event_id,
            },
        )

    def take(self) -> list[bytes]:
        events, self._events = self._events, []
        return events
