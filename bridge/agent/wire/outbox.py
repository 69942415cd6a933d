"""What the agent sends: encoded in order, with ids of its own."""

from typing import ClassVar

import msgspec

from sipua.bridge.agent.wire.errors import ClientError


class Messages:
    """Our messages in order, and the ids of the conversation's objects."""

    __slots__ = ("_count", "_encode", "_entropy", "_messages")

    def __init__(self, entropy: str) -> None:
        self._entropy = entropy  # what sets this session's ids apart from any other's
        self._count = 0
        self._messages: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    def new_id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._entropy}{self._count:06d}"

    def raw(self, message: bytes) -> None:
        """Encoded already; or no message of ours: garbage, asked for."""
        self._messages.append(message)

    def take(self) -> list[bytes]:
        messages, self._messages = self._messages, []
        return messages


class TypedMessages(Messages):
    """Each has its type in it, and no id."""

    __slots__ = ()

    def say(self, message_type: str, **fields: object) -> None:
        self.raw(self._encode({"type": message_type, **fields}))


class Outbox(Messages):
    """Events, each with an id."""

    about: ClassVar[str] = "event_id"
    """The field of an error that names the client's event."""

    __slots__ = ()

    def event(self, event_type: str, **fields: object) -> None:
        self.raw(self._encode({"type": event_type, "event_id": self.new_id("event"), **fields}))

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
