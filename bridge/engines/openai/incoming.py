"""What a server has said in one session, counted: events, those not used, and what was no event."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Generic, TypeVar

from sipua.bridge.engine_api.events import Event, Unknown, Unreadable
from sipua.bridge.engines.openai.decoder import EventDecoder, Other, WireError

E = TypeVar("E")


class Incoming(Generic[E]):
    """`ignored`: the types that are known and not used. They are told apart from what we have
    never heard of."""

    def __init__(self, decoder: EventDecoder[E], ignored: Container[str]) -> None:
        self._decoder = decoder
        self._ignored = ignored
        self.counters = dict.fromkeys(
            ("events", "ignored", "unknown", "bad_json", "malformed", "oversize", "bad_base64"), 0
        )

    def decode(self, message: bytes | str) -> E | Other:
        """Raises WireError, and nothing else."""
        self.counters["events"] += 1
        return self._decoder.decode(message)

    def unreadable(self, error: WireError) -> Unreadable:
        self.counters[error.reason] += 1
        return Unreadable(error.reason, error.size)

    def other(self, event: Other) -> Sequence[Event]:
        if event.type in self._ignored:
            self.counters["ignored"] += 1
            return ()
        self.counters["unknown"] += 1
        return (Unknown(event.type),)
