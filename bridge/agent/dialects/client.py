"""What clients of the flat dialects send beside their session, read as the events of GA.

The structs are strict, as GA's are: a field that the dialect does not have is an error, so that a
test against this server finds what would be refused elsewhere.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from sipua.bridge.agent.realtime import protocol as ga
from sipua.bridge.agent.realtime.session import Modality, Pcm, Pcma, Pcmu, ServerVad, SessionConfig
from sipua.bridge.agent.wire.client_events import ClientDecoder, ClientEvent, Name, Text

Format: TypeAlias = Literal["pcm16", "g711_ulaw", "g711_alaw"]
FORMATS: Final[dict[str, Pcm | Pcmu | Pcma]] = {
    "pcm16": Pcm(),
    "g711_ulaw": Pcmu(),
    "g711_alaw": Pcma(),
}


class Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Session(Protocol):
    """Of one dialect."""

    def ga(self) -> SessionConfig: ...


S = TypeVar("S", bound=Session)


class Update(ClientEvent, Generic[S]):
    session: S

    def ga(self) -> ga.AnyEvent:
        return ga.SessionUpdate(session=self.session.ga(), event_id=self.event_id)


class Vad(Part, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5000)] | UnsetType = UNSET
    silence_duration_ms: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    create_response: bool = True
    interrupt_response: bool = True

    def ga(self) -> ServerVad:
        return ServerVad(
            threshold=self.threshold,
            prefix_padding_ms=self.prefix_padding_ms,
            silence_duration_ms=self.silence_duration_ms,
            create_response=self.create_response,
            interrupt_response=self.interrupt_response,
        )


class Content(Part):
    type: Literal["input_text", "input_audio", "text", "audio"]
    text: Text | None = None
    audio: str | None = None
    transcript: Text | None = None

    def ga(self) -> ga.Content:
        kind: Any = {"text": "output_text", "audio": "output_audio"}.get(self.type, self.type)
        return ga.Content(type=kind, text=self.text, audio=self.audio, transcript=self.transcript)


class Item(Part):
    type: Literal["message", "function_call", "function_call_output"]
    id: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None
    role: Literal["system", "user", "assistant"] | UnsetType = UNSET
    content: Annotated[list[Content], Meta(max_length=64)] | UnsetType = UNSET
    call_id: Name | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    arguments: Text | UnsetType = UNSET
    output: Text | UnsetType = UNSET

    def ga(self) -> ga.ItemParam:
        content: list[ga.Content] | UnsetType = UNSET
        if not isinstance(self.content, UnsetType):
            content = [part.ga() for part in self.content]
        return ga.ItemParam(
            type=self.type,
            id=self.id,
            status=self.status,
            role=self.role,
            content=content,
            call_id=self.call_id,
            name=self.name,
            arguments=self.arguments,
            output=self.output,
        )


class ItemCreate(ClientEvent, tag="conversation.item.create"):
    item: Item
    previous_item_id: Name | None = None

    def ga(self) -> ga.AnyEvent:
        return ga.ItemCreate(
            item=self.item.ga(), previous_item_id=self.previous_item_id, event_id=self.event_id
        )


class ResponseParams(Part):
    modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | None = None


class ResponseCreate(ClientEvent, tag="response.create"):
    response: ResponseParams | None = None

    def ga(self) -> ga.AnyEvent:
        asked = self.response or ResponseParams()
        modalities = modality(asked.modalities)
        params = ga.ResponseParams(
            instructions=asked.instructions,
            output_modalities=None if isinstance(modalities, UnsetType) else modalities,
        )
        return ga.ResponseCreate(response=params, event_id=self.event_id)


COMMON: Final = (
    ga.Append
    | ga.Commit
    | ga.Clear
    | ga.ItemDelete
    | ga.ItemRetrieve
    | ga.ResponseCancel
    | ItemCreate
    | ResponseCreate
)


_CONVERTED: Final = (Update, ItemCreate, ResponseCreate)
"""Whose shape is the dialect's own."""


def reader(events: Any) -> Callable[[bytes | str], ga.AnyEvent | ga.Finish]:
    """Of the events of one dialect, which are a union."""
    decoder: ClientDecoder[Any] = ClientDecoder(
        events, large=(ga.Append, ga.ItemCreate, ItemCreate)
    )

    def read(message: bytes | str) -> ga.AnyEvent | ga.Finish:
        event = decoder.decode(message)
        found: ga.AnyEvent | ga.Finish = event.ga() if isinstance(event, _CONVERTED) else event
        return found

    return read


def modality(asked: list[Modality] | UnsetType) -> list[Modality] | UnsetType:
    """GA has one: sound brings its text along."""
    if isinstance(asked, UnsetType):
        return UNSET
    return ["audio"] if "audio" in asked else ["text"]
