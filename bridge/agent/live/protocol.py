"""The events of Live: decodes the client's, encodes ours. Error texts are Realtime's."""

from typing import Annotated, Literal

import msgspec
import pybase64
from msgspec import UNSET, Meta, Struct, UnsetType

from sipua.bridge.agent.live.session import SessionConfig, SessionUpdate
from sipua.bridge.agent.realtime.protocol import MAX_EVENT_BYTES, ClientError, Outbox, client_error
from sipua.bridge.agent.realtime.session import Name

# 500 tokens, the vendor says. Not counted here: more letters than any 500 tokens have.
MAX_APPEND_CHARS = 4000
Content = Annotated[str, Meta(min_length=1, max_length=MAX_APPEND_CHARS)]


class _Event(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    event_id: Name | None = None


class Start(_Event, tag="session.start"):
    session: SessionConfig


class Update(_Event, tag="session.update"):
    session: SessionUpdate


class Append(_Event, tag="session.input_audio.append"):
    audio: str


class Mute(_Event, tag="session.input_audio.mute"):
    pass


class Unmute(_Event, tag="session.input_audio.unmute"):
    pass


class _TextAppend(_Event):
    content: Content
    delegation_id: Name | None  # required, and null where it is about no task


class Instructions(_TextAppend, tag="session.instructions.append"):
    pass


class Thinking(_TextAppend, tag="session.thinking.append"):
    pass


class Commentary(_TextAppend, tag="session.commentary.append"):
    pass


class Item(Struct, forbid_unknown_fields=False, kw_only=True):
    """An input item of the Responses API, of which only the results of calls matter here."""

    type: str = "message"
    call_id: Name | UnsetType = UNSET
    output: msgspec.Raw | UnsetType = UNSET


class ItemCreate(_Event, tag="response.item.create"):
    item: Item


class ResponseCreate(_Event, tag="response.create"):
    pass


class Close(_Event, tag="session.close"):
    pass


ClientEvent = (
    Start
    | Update
    | Append
    | Mute
    | Unmute
    | Instructions
    | Thinking
    | Commentary
    | ItemCreate
    | ResponseCreate
    | Close
)
_TYPES = tuple(str(event.__struct_config__.tag) for event in ClientEvent.__args__)
_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent)


def decode(message: bytes | str) -> ClientEvent:
    try:
        event = _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise client_error(str(error), _TYPES) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ClientError("invalid_json", f"Could not parse the event as JSON: {error}.") from None
    if len(message) > MAX_EVENT_BYTES and not isinstance(event, Append):
        raise ClientError(
            "string_above_max_length",
            f"Event too large: expected at most {MAX_EVENT_BYTES} bytes, got {len(message)}.",
        )
    return event


class LiveOutbox(Outbox):
    __slots__ = ()

    def audio(self, audio: bytes) -> None:
        self._events.append(
            b'{"type":"session.output_audio.delta","delta":"%b"}' % pybase64.b64encode(audio)
        )

    def words(self, whose: Literal["input", "output"], text: str, span: tuple[int, int]) -> None:
        start_ms, end_ms = span
        self.event(
            f"session.{whose}_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms
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
                "client_event_id": event_id,
            },
        )
