"""The events of Live: decodes the client's, encodes ours."""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import pybase64
from msgspec import UNSET, Meta, Struct, UnsetType

from sipua.bridge.agent.live.session import SessionConfig, SessionUpdate
from sipua.bridge.agent.wire.client_events import ClientDecoder, ClientEvent, Name
from sipua.bridge.agent.wire.outbox import Outbox

# 500 tokens, the vendor says. Not counted here: more letters than any 500 tokens have.
MAX_APPEND_CHARS = 4000
Content = Annotated[str, Meta(min_length=1, max_length=MAX_APPEND_CHARS)]


class Start(ClientEvent, tag="session.start"):
    session: SessionConfig


class Update(ClientEvent, tag="session.update"):
    session: SessionUpdate


class Append(ClientEvent, tag="session.input_audio.append"):
    audio: str


class Mute(ClientEvent, tag="session.input_audio.mute"):
    pass


class Unmute(ClientEvent, tag="session.input_audio.unmute"):
    pass


class _TextAppend(ClientEvent):
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


class ItemCreate(ClientEvent, tag="response.item.create"):
    item: Item


class ResponseCreate(ClientEvent, tag="response.create"):
    pass


class Close(ClientEvent, tag="session.close"):
    pass


AnyEvent: TypeAlias = (
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
DECODER: Final[ClientDecoder[AnyEvent]] = ClientDecoder(AnyEvent, large=(Append,))


class LiveOutbox(Outbox):
    about = "client_event_id"
    __slots__ = ()

    def audio(self, audio: bytes) -> None:
        self.raw(b'{"type":"session.output_audio.delta","delta":"%b"}' % pybase64.b64encode(audio))

    def words(self, whose: Literal["input", "output"], text: str, span: tuple[int, int]) -> None:
        start_ms, end_ms = span
        self.event(
            f"session.{whose}_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms
        )
