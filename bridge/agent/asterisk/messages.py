"""The messages of chan_websocket in the part of the agent: events are read, commands are written.

A whole Asterisk has one of two forms, plain text (`MARK_MEDIA a1`) or JSON. Its first event tells
which one, and the agent answers in that.
"""

from __future__ import annotations

from typing import Final

import msgspec

_WITH_ID: Final = frozenset({"MEDIA_MARK_PROCESSED", "MEDIA_BUFFERING_COMPLETED"})
"""Events with one word behind their name, in plain text; others have `key:value`."""


class Told(msgspec.Struct, frozen=True):
    """An event, with what an agent needs of it."""

    event: str
    channel_id: str = ""
    format: str = ""
    digit: str = ""
    correlation_id: str = ""


_JSON: Final = msgspec.json.Decoder(Told)


def is_json(message: bytes) -> bool:
    return message.lstrip().startswith(b"{")


def read(message: bytes) -> Told:
    """Raises what msgspec does, UnicodeError and RecursionError for what is no event."""
    if is_json(message):
        return _JSON.decode(message)
    name, _, rest = message.decode().strip().partition(" ")
    if name in _WITH_ID:
        return Told(name, correlation_id=rest)
    fields = dict(word.partition(":")[::2] for word in rest.split(" "))
    return msgspec.convert({**fields, "event": name}, Told)


class Commands:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def make(self, name: str, correlation_id: str = "") -> bytes:
        if not self._as_json:
            return f"{name} {correlation_id}".rstrip().encode()
        about = {"correlation_id": correlation_id} if correlation_id else {}
        return msgspec.json.encode({"command": name, **about})
