"""One message of the client's to one event. What is wrong with it becomes a ClientError."""

from typing import Annotated, Any, Generic, TypeVar, get_args

import msgspec
import pybase64
from msgspec import Meta, Struct

from sipua.bridge.agent.wire.errors import ClientError, client_error

MAX_EVENT_BYTES = 1 << 20  # of an event that carries no audio
MAX_AUDIO_BYTES = 15 << 20  # the vendor's bound of one append

Text = Annotated[str, Meta(max_length=262_144)]
Name = Annotated[str, Meta(max_length=512)]

E = TypeVar("E")


class ClientEvent(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """What every event is derived from."""

    event_id: Name | None = None


class ClientDecoder(Generic[E]):
    """For one union of events."""

    def __init__(self, events: Any, *, large: tuple[type, ...]) -> None:
        """`large`: those that carry audio, and may be larger than `MAX_EVENT_BYTES`."""
        self.types = tuple(str(event.__struct_config__.tag) for event in get_args(events))
        self._large = large
        self._decoder: msgspec.json.Decoder[E] = msgspec.json.Decoder(events)

    def decode(self, message: bytes | str) -> E:
        """Raises ClientError."""
        try:
            event = self._decoder.decode(message)
        except msgspec.ValidationError as error:
            raise client_error(str(error), self.types) from None
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            text = f"Could not parse the event as JSON: {error}."
            raise ClientError("invalid_json", text) from None
        if len(message) > MAX_EVENT_BYTES and not isinstance(event, self._large):
            raise ClientError(
                "string_above_max_length",
                f"Event too large: expected at most {MAX_EVENT_BYTES} bytes, got {len(message)}.",
            )
        return event


class _Header(Struct):
    event_id: Any = None


_header_decoder = msgspec.json.Decoder(_Header)


def event_id_of(message: bytes | str) -> str | None:
    """The client's id of an event that could not be decoded, for the error to name."""
    try:
        event_id = _header_decoder.decode(message).event_id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return event_id[:512] if isinstance(event_id, str) else None


def decode_audio(text: str, param: str) -> bytes:
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError:
        raise ClientError(
            "invalid_value",
            f"Invalid '{param}'. Expected base64-encoded audio bytes but got an invalid value.",
            param,
        ) from None
    if len(data) > MAX_AUDIO_BYTES:
        raise ClientError(
            "string_above_max_length",
            f"Invalid '{param}': expected at most {MAX_AUDIO_BYTES} bytes of audio.",
            param,
        )
    return data
