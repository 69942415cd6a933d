"""One message of the vendor's to one event, whatever it is fed."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar, get_args

import msgspec
import pybase64

# A message beyond this is dropped unread: it would hold the event loop, and with it the audio of
# every other call, for tens of milliseconds. It is a minute of speech in one delta.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024

_TYPE_CHARS: Final = 64  # of an unknown type, which is the server's to choose and ends in logs

E = TypeVar("E")
P = TypeVar("P")


class WireError(Exception):
    """A message, or its audio, that cannot be used: bad_json, malformed, oversize, bad_base64."""

    def __init__(self, reason: str, size: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.size = size


class ServerEvent(msgspec.Struct, tag_field="type", gc=False):
    """What every event is derived from.

    Each names only the fields that are used, so that the decoder skips the rest, and new fields
    change nothing. Fields are optional wherever the call can go on without them.
    """


class Other(msgspec.Struct, frozen=True):
    """An event that is not decoded: one that is ignored on purpose, or unknown."""

    type: str


_TYPE: Final = msgspec.json.Decoder(Other)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class EventDecoder(Generic[E]):
    """For one union of events. `handled`: their types."""

    def __init__(self, events: Any) -> None:
        self.handled = frozenset(str(one.__struct_config__.tag) for one in get_args(events))
        self._decoder: msgspec.json.Decoder[E] = msgspec.json.Decoder(events)

    def decode(self, message: bytes | str | msgspec.Raw) -> E | Other:
        """Raises WireError, and nothing else."""
        if len(message) > MAX_MESSAGE_BYTES:
            raise WireError("oversize", len(message))
        try:
            return self._decoder.decode(message)
        except _UNREADABLE:
            pass  # not one of these, or broken: looked at again, less closely, below
        try:
            other = _TYPE.decode(message)
        except msgspec.ValidationError:
            raise WireError("malformed", len(message)) from None
        except _UNREADABLE:
            raise WireError("bad_json", len(message)) from None
        if other.type in self.handled:
            raise WireError("malformed", len(message))
        return Other(other.type[:_TYPE_CHARS])


def decode_audio(text: str) -> bytes:
    """The audio of a delta. Raises WireError."""
    try:
        return pybase64.b64decode(text, None, True)
    except ValueError:
        raise WireError("bad_base64", len(text)) from None


NOTHING: Final = msgspec.Raw(b"null")
"""In place of a part that is not there."""


def read_part(raw: msgspec.Raw, kind: type[P]) -> P | None:
    """A part of an event that is for the record: whatever it holds, the conversation goes on."""
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except _UNREADABLE:
        return None
