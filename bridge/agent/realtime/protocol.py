"""The events of the protocol: decodes the client's, encodes ours; error texts are the vendor's."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import pybase64
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sipua.bridge.agent.realtime.session import (
    AudioOutput,
    FunctionTool,
    MaxTokens,
    McpTool,
    Milliseconds,
    Modality,
    Name,
    SessionConfig,
    Text,
)

MAX_EVENT_BYTES = 1 << 20  # of an event that carries no audio
MAX_AUDIO_BYTES = 15 << 20  # the vendor's limit of one append


class ClientError(Exception):
    """A fault of the client: sent as an `error` event, the session stays up."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class _Event(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    event_id: Name | None = None


class SessionUpdate(_Event, tag="session.update"):
    session: SessionConfig


class Append(_Event, tag="input_audio_buffer.append"):
    audio: str


class Commit(_Event, tag="input_audio_buffer.commit"):
    pass


class Clear(_Event, tag="input_audio_buffer.clear"):
    pass


class ClearOutput(_Event, tag="output_audio_buffer.clear"):
    pass


class Content(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio"]
    text: Text | None = None
    audio: str | None = None
    transcript: Text | None = None
    image_url: Annotated[str, Meta(max_length=MAX_EVENT_BYTES)] | None = None
    detail: Literal["auto", "low", "high"] | None = None


class ItemParam(Struct, forbid_unknown_fields=True, kw_only=True):
    type: Literal["message", "function_call", "function_call_output"]
    id: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None
    role: Literal["system", "user", "assistant"] | UnsetType = UNSET
    content: Annotated[list[Content], Meta(max_length=64)] | UnsetType = UNSET
    call_id: Name | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    arguments: Text | UnsetType = UNSET
    output: Text | UnsetType = UNSET


class ItemCreate(_Event, tag="conversation.item.create"):
    item: ItemParam
    previous_item_id: Name | None = None


class ItemDelete(_Event, tag="conversation.item.delete"):
    item_id: Name


class ItemRetrieve(_Event, tag="conversation.item.retrieve"):
    item_id: Name


class ItemTruncate(_Event, tag="conversation.item.truncate"):
    item_id: Name
    content_index: Milliseconds
    audio_end_ms: Milliseconds


class ResponseAudio(Struct, forbid_unknown_fields=True):
    output: AudioOutput | UnsetType = UNSET


class ResponseParams(Struct, forbid_unknown_fields=True, kw_only=True):
    audio: ResponseAudio | UnsetType = UNSET
    conversation: Name | None = None
    input: Raw | UnsetType = UNSET
    instructions: Text | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Annotated[dict[str, Name], Meta(max_length=16)] | None = None
    output_modalities: list[Modality] | None = None
    parallel_tool_calls: bool | UnsetType = UNSET
    prompt: Raw | UnsetType = UNSET
    reasoning: Raw | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType = UNSET


class ResponseCreate(_Event, tag="response.create"):
    response: ResponseParams | None = None


class ResponseCancel(_Event, tag="response.cancel"):
    response_id: Name | None = None


ClientEvent = (
    SessionUpdate
    | Append
    | Commit
    | Clear
    | ClearOutput
    | ItemCreate
    | ItemDelete
    | ItemRetrieve
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
)
_TYPES = tuple(str(event.__struct_config__.tag) for event in ClientEvent.__args__)
_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent)


class _Header(Struct):
    event_id: Any = None


_header_decoder = msgspec.json.Decoder(_Header)


def decode(message: bytes | str) -> ClientEvent:
    try:
        event = _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise client_error(str(error), _TYPES) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ClientError("invalid_json", f"Could not parse the event as JSON: {error}.") from None
    if len(message) > MAX_EVENT_BYTES and not isinstance(event, Append | ItemCreate):
        raise ClientError(
            "string_above_max_length",
            f"Event too large: expected at most {MAX_EVENT_BYTES} bytes, got {len(message)}.",
        )
    return event


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


_WRONG = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def client_error(text: str, known_types: Sequence[str]) -> ClientError:
    """msgspec's error in the vendor's words."""
    match = _WRONG.match(text)
    assert match is not None
    what, path = match["what"], match["path"] or ""
    if named := re.match(r"Object (missing required|contains unknown) field `(.*)`$", what):
        param = f"{path}.{named[2]}" if path else named[2]
        if named[1] == "missing required":
            return ClientError(
                "missing_required_parameter", f"Missing required parameter: '{param}'.", param
            )
        return ClientError("unknown_parameter", f"Unknown parameter: '{param}'.", param)
    if path == "type" and what.startswith("Invalid value"):
        value = what.removeprefix("Invalid value ")
        known = ", ".join(f"'{name}'" for name in known_types)
        return ClientError(
            "invalid_value",
            f"Invalid value: {value}. Supported values are: {known}.",
            "type",
        )
    code = "invalid_type" if re.match(r"Expected `[^`]*`, got ", what) else "invalid_value"
    return ClientError(code, f"Invalid '{path}': {what}.", path or None)


class Outbox:
    """Encodes our events in order, and gives them and the conversation's objects their ids."""

    __slots__ = ("_count", "_encode", "_entropy", "_events")

    def __init__(self, entropy: str) -> None:
        self._entropy = entropy  # what makes this session's ids unique
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
        """Send a message that is no valid event: a scenario's garbage."""
        self._events.append(message)

    def audio_delta(self, response_id: str, item_id: str, index: int, audio: bytes) -> None:
        self._events.append(
            b'{"type":"response.output_audio.delta","event_id":"%b","response_id":"%b",'
            b'"item_id":"%b","output_index":%d,"content_index":0,"delta":"%b"}'
            % (
                self.new_id("event").encode(),
                response_id.encode(),
                item_id.encode(),
                index,
                pybase64.b64encode(audio),
            )
        )

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
                "event_id": event_id,
            },
        )

    def take(self) -> list[bytes]:
        events, self._events = self._events, []
        return events
