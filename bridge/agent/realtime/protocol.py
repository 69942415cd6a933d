"""The events of Realtime: the client's decoded, ours encoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import pybase64
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sipua.bridge.agent.realtime.session import (
    AudioOutput,
    FunctionTool,
    MaxTokens,
    McpTool,
    Milliseconds,
    Modality,
    SessionConfig,
)
from sipua.bridge.agent.wire.client_events import (
    MAX_EVENT_BYTES,
    ClientDecoder,
    ClientEvent,
    Name,
    Text,
)
from sipua.bridge.agent.wire.outbox import Outbox


class SessionUpdate(ClientEvent, tag="session.update"):
    session: SessionConfig


class Append(ClientEvent, tag="input_audio_buffer.append"):
    audio: str


class Commit(ClientEvent, tag="input_audio_buffer.commit"):
    pass


class Clear(ClientEvent, tag="input_audio_buffer.clear"):
    pass


class ClearOutput(ClientEvent, tag="output_audio_buffer.clear"):
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


class ItemCreate(ClientEvent, tag="conversation.item.create"):
    item: ItemParam
    previous_item_id: Name | None = None


class ItemDelete(ClientEvent, tag="conversation.item.delete"):
    item_id: Name


class ItemRetrieve(ClientEvent, tag="conversation.item.retrieve"):
    item_id: Name


class ItemTruncate(ClientEvent, tag="conversation.item.truncate"):
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


class ResponseCreate(ClientEvent, tag="response.create"):
    response: ResponseParams | None = None


class ResponseCancel(ClientEvent, tag="response.cancel"):
    response_id: Name | None = None


class Finish(ClientEvent, tag="session.finish"):
    """Of dialects that end a session by it, and not of GA."""


AnyEvent: TypeAlias = (
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

DECODER: Final[ClientDecoder[AnyEvent]] = ClientDecoder(AnyEvent, large=(Append, ItemCreate))


class RealtimeOutbox(Outbox):
    delta_type: ClassVar[bytes] = b"response.output_audio.delta"

    __slots__ = ()

    def audio_delta(self, response_id: str, item_id: str, index: int, audio: bytes) -> None:
        self.raw(
            b'{"type":"%b","event_id":"%b","response_id":"%b",'
            b'"item_id":"%b","output_index":%d,"content_index":0,"delta":"%b"}'
            % (
                self.delta_type,
                self.new_id("event").encode(),
                response_id.encode(),
                item_id.encode(),
                index,
                pybase64.b64encode(audio),
            )
        )


@dataclass(frozen=True, slots=True)
class ServerDialect:
    """The words of a session: how the client's are read, and who words ours."""

    read: Callable[[bytes | str], AnyEvent | Finish]
    """Raises ClientError."""
    outbox: type[RealtimeOutbox]


GA: Final = ServerDialect(DECODER.decode, RealtimeOutbox)
