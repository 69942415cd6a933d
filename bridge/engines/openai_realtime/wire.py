"""One message of the vendor's to one event, whatever it is fed."""

from __future__ import annotations

from collections.abc import Container
from typing import Final, TypeVar

import msgspec

# A message beyond this is dropped unread: it would hold the event loop, and with it the audio of
# every other call, for tens of milliseconds. It is a minute of speech in one delta.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024

_TYPE_CHARS: Final = 64  # of an unknown type, which is the server's to choose and ends in logs

T = TypeVar("T")


class WireError(Exception):
    """A message that is not an event. `reason`: bad_json, malformed or oversize."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Other(msgspec.Struct, frozen=True):
    """An event that is not decoded: one that is ignored on purpose, or unknown."""

    type: str


_HEAD: Final = msgspec.json.Decoder(Other)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def read(
    message: bytes | str | msgspec.Raw, decoder: msgspec.json.Decoder[T], handled: Container[str]
) -> T | Other:
    """`handled`: the types that the decoder knows. Raises WireError, and nothing else."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise WireError("oversize")
    try:
        return decoder.decode(message)
    except _UNREADABLE:
        pass  # not one of ours, or broken: looked at again, less closely, below
    try:
        other = _HEAD.decode(message)
    except msgspec.ValidationError:
        raise WireError("malformed") from None
    except _UNREADABLE:
        raise WireError("bad_json") from None
    if other.type in handled:
        raise WireError("malformed")
    return Other(other.type[:_TYPE_CHARS])
