"""What a client of a Voice Agent says, decoded as strictly as the vendor does; and nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from sipua.bridge.agent.scenario import garbage as realtime
from sipua.bridge.agent.scenario.scenario import GarbageKind
from sipua.bridge.agent.speech.formats import PCM, PCMA, PCMU, WireFormat, linear
from sipua.bridge.agent.wire.client_events import MAX_EVENT_BYTES, Name, Text
from sipua.bridge.agent.wire.errors import ClientError

FORMATS: Final[Mapping[tuple[str, int], WireFormat]] = {
    ("mulaw", 8000): PCMU,
    ("alaw", 8000): PCMA,
    ("linear16", 8000): linear(8000),
    ("linear16", 16_000): linear(16_000),
    ("linear16", 24_000): PCM,
}
UNPARSABLE: Final = "UNPARSABLE_CLIENT_MESSAGE"
INVALID_SETTINGS: Final = "INVALID_SETTINGS"


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class _Audio(_Part):
    encoding: Name = "linear16"
    sample_rate: int = 24_000

    @property
    def form(self) -> WireFormat:
        """Raises ClientError."""
        found = FORMATS.get((self.encoding, self.sample_rate))
        if found is None:
            text = f"The local server has no {self.encoding} at {self.sample_rate} Hz."
            raise ClientError(INVALID_SETTINGS, text)
        return found


class _Output(_Audio):
    bitrate: int | None = None
    container: Literal["none", "wav"] = "none"


class _AudioSettings(_Part):
    input: _Audio = msgspec.field(default_factory=_Audio)
    output: _Output = msgspec.field(default_factory=_Output)


class _Function(_Part):
    name: Name
    description: Text = ""
    parameters: Raw = Raw(b"null")
    endpoint: Raw | None = None
    defer_until_eot: bool = False


class _Provided(_Part):
    """A model, by who provides it."""

    provider: dict[str, Raw]
    endpoint: Raw | None = None


class _Think(_Provided):
    prompt: Text = ""
    context_length: Raw | None = None
    functions: Annotated[list[_Function], Meta(max_length=512)] = msgspec.field(
        default_factory=list
    )


class _Context(_Part):
    messages: Annotated[list[Raw], Meta(max_length=512)] = msgspec.field(default_factory=list)


class _Agent(_Part):
    listen: _Provided
    think: _Think
    speak: _Provided
    language: Name = ""
    greeting: Text = ""
    context: _Context = msgspec.field(default_factory=_Context)


class _Message(_Part, tag_field="type"):
    pass


class Settings(_Message):
    audio: _AudioSettings
    agent: _Agent
    tags: list[Name] = msgspec.field(default_factory=list)
    experimental: bool = False
    flags: Raw | None = None
    mip_opt_out: bool = False


class UpdatePrompt(_Message):
    prompt: Text


class InjectUserMessage(_Message):
    content: Text


class FunctionCallResponse(_Message):
    id: Name
    name: Name
    content: Text


class KeepAlive(_Message):
    pass


ClientMessage: TypeAlias = (
    Settings | UpdatePrompt | InjectUserMessage | FunctionCallResponse | KeepAlive
)
_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def decode(message: bytes | str) -> ClientMessage:
    """Raises ClientError."""
    if len(message) > MAX_EVENT_BYTES:
        raise ClientError(UNPARSABLE, f"The message is too large: {len(message)} bytes.")
    try:
        return _DECODER.decode(message)
    except msgspec.ValidationError as error:
        raise ClientError(UNPARSABLE, f"Error parsing client message: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ClientError(UNPARSABLE, "Error parsing client message: it is not JSON.") from None


def garbage(kind: GarbageKind) -> bytes:
    """Messages that no server of the vendor would send, in this protocol's shape."""
    return _OWN[kind] if kind in _OWN else realtime.garbage(kind)


_OWN: Final[Mapping[GarbageKind, bytes]] = {
    "json": b'{"type":"ConversationText","role":',
    "event": b'{"type":"AgentThoughts","depth":42}',
    "base64": realtime.Binary(b"\x00"),  # audio is binary here: half a sample
    "error": b'{"type":"Warning","description":"This warning was asked for.","code":"REHEARSED"}',
    "item": b'{"type":"ConversationText","role":["no"],"content":7}',
}
