"""What a client of an agent says, decoded; what no agent would say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

import msgspec
import pybase64
from msgspec import Meta, Raw, Struct

from sipua.bridge.agent.scenario import garbage as realtime
from sipua.bridge.agent.scenario.scenario import GarbageKind
from sipua.bridge.agent.speech.formats import PCM, PCMU, WireFormat, linear
from sipua.bridge.agent.wire.client_events import MAX_EVENT_BYTES, Name, Text
from sipua.bridge.agent.wire.errors import ClientError

FORMATS: Final[Mapping[str, WireFormat]] = {
    "ulaw_8000": PCMU,
    "pcm_8000": linear(8000),
    "pcm_16000": linear(16_000),
    "pcm_24000": PCM,
}
USUAL_FORMAT: Final = "ulaw_8000"
INVALID: Final = "invalid_message"
MAX_AUDIO_CHARS: Final = 4 << 20


class _Prompt(Struct):
    prompt: Text | None = None


class _AgentOverride(Struct):
    prompt: _Prompt | None = None
    first_message: Text | None = None
    language: Name | None = None


class _Override(Struct):
    agent: _AgentOverride | None = None
    tts: dict[str, Raw] | None = None
    conversation: dict[str, Raw] | None = None


class _Message(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    pass


class Initiation(_Message, tag="conversation_initiation_client_data"):
    conversation_config_override: _Override | None = None
    dynamic_variables: dict[str, str | float | bool | None] = msgspec.field(default_factory=dict)
    custom_llm_extra_body: dict[str, Raw] | None = None
    user_id: Name | None = None
    source_info: dict[str, Raw] | None = None

    @property
    def first_message(self) -> str | None:
        """None: the agent has its own."""
        override = self.conversation_config_override
        return override.agent.first_message if override and override.agent else None


class UserMessage(_Message, tag="user_message"):
    text: Text


class ContextualUpdate(_Message, tag="contextual_update"):
    text: Text


class UserActivity(_Message, tag="user_activity"):
    pass


class ToolResult(_Message, tag="client_tool_result"):
    tool_call_id: Name
    result: Text
    is_error: bool


class Pong(_Message, tag="pong"):
    event_id: int


class _Audio(Struct, forbid_unknown_fields=True):
    user_audio_chunk: Annotated[str, Meta(max_length=MAX_AUDIO_CHARS)]


Said: TypeAlias = Initiation | UserMessage | ContextualUpdate | UserActivity | ToolResult | Pong
_DECODER: Final[msgspec.json.Decoder[Said]] = msgspec.json.Decoder(Said)
_AUDIO_DECODER: Final = msgspec.json.Decoder(_Audio)
_AUDIO_HEAD: Final = b'{"user_audio_chunk"'


def decode(message: bytes | str) -> Said | bytes:
    """A message, or the caller's audio. Raises ClientError."""
    data = message.encode() if isinstance(message, str) else message
    try:
        if data.startswith(_AUDIO_HEAD):
            chunk = _AUDIO_DECODER.decode(data).user_audio_chunk
            return pybase64.b64decode(chunk, validate=True)
        if len(data) > MAX_EVENT_BYTES:
            raise ClientError(INVALID, f"Message too large: {len(data)} bytes.")
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ClientError(INVALID, f"Invalid message received: {error}") from None


def garbage(kind: GarbageKind) -> bytes:
    """Messages that no server of the vendor would send, in this protocol's shape."""
    return _OWN[kind] if kind in _OWN else realtime.garbage(kind)


_OWN: Final[Mapping[GarbageKind, bytes]] = {
    "json": b'{"type":"audio","audio_event":{"audio_base_64":',
    "event": b'{"type":"agent_thoughts","agent_thoughts_event":{"depth":42}}',
    "base64": b'{"type":"audio","audio_event":{"audio_base_64":"@@no*base64@@","event_id":1}}',
    "error": b'{"type":"client_error","message":"This error was asked for."}',
    "item": b'{"type":"agent_response","agent_response_event":["no"]}',
}
