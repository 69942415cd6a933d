"""The messages of chan_websocket: events that we write, and commands that agents write.

Asterisk has two forms, one for a whole system: plain text (`MARK_MEDIA a1`), and JSON. We write the
configured one and read both, because an agent that was written for one of them knows no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

MAX_MESSAGE_CHARS: Final = 4096
"""Asterisk itself takes 128."""
_MAX_ID_CHARS: Final = 256

Fields: TypeAlias = Mapping[str, str | int | bool | Mapping[str, str]]


class Command(msgspec.Struct, frozen=True):
    command: str
    correlation_id: str = ""


class CommandError(Exception):
    """A message that is no command: bad_json, malformed, oversize."""

    def __init__(self, reason: str, size: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.size = size


_JSON: Final = msgspec.json.Decoder(Command)


def decode(message: str) -> Command:
    """Raises CommandError, and nothing else."""
    if len(message) > MAX_MESSAGE_CHARS:
        raise CommandError("oversize", len(message))
    text = message.strip()
    if text.startswith("{"):
        try:
            command = _JSON.decode(text)
        except msgspec.ValidationError:
            raise CommandError("malformed", len(message)) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise CommandError("bad_json", len(message)) from None
    else:
        name, _, rest = text.partition(" ")
        command = Command(name, rest)
    if not command.command or len(command.correlation_id) > _MAX_ID_CHARS:
        raise CommandError("malformed", len(message))
    return command


class Events:
    """Of one call, in the configured form."""

    def __init__(self, channel_id: str, *, as_json: bool) -> None:
        self._channel_id = channel_id
        self._as_json = as_json

    def media_start(self, audio: str, frame_bytes: int, variables: Mapping[str, str]) -> bytes:
        about: dict[str, str | int] = {
            "connection_id": self._channel_id,
            "channel": f"WebSocket/{self._channel_id}",
            "channel_id": self._channel_id,
            "format": audio,
            "optimal_frame_size": frame_bytes,
            "ptime": 20,
        }
        if self._as_json:
            return _json("MEDIA_START", {**about, "channel_variables": dict(variables)})
        return _text("MEDIA_START", about)

    def dtmf_end(self, digit: str) -> bytes:
        if self._as_json:
            return self._plain("DTMF_END", digit=digit)
        return _text("DTMF_END", {"digit": digit, "channel_id": self._channel_id})

    def answered(self, event: str, correlation_id: str) -> bytes:
        """MEDIA_MARK_PROCESSED and MEDIA_BUFFERING_COMPLETED."""
        if self._as_json:
            return self._plain(event, correlation_id=correlation_id)
        return f"{event} {correlation_id}".rstrip().encode()

    def bare(self, event: str) -> bytes:
        """MEDIA_XON, MEDIA_XOFF, QUEUE_DRAINED."""
        return self._plain(event) if self._as_json else event.encode()

    def status(self, fields: Fields) -> bytes:
        about = {"channel_id": self._channel_id, **fields}
        return _json("STATUS", about) if self._as_json else _text("STATUS", about)

    def error(self, text: str) -> bytes:
        about = {"channel_id": self._channel_id, "error_text": text}
        return _json("ERROR", about) if self._as_json else _text("ERROR", about)

    def _plain(self, event: str, **fields: str) -> bytes:
        return _json(event, {"channel_id": self._channel_id, **fields})


def _json(event: str, fields: Fields) -> bytes:
    return msgspec.json.encode({"event": event, **fields})


def _text(event: str, fields: Fields) -> bytes:
    words = (f"{name}:{_word(value)}" for name, value in fields.items())
    return " ".join((event, *words)).encode()


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
