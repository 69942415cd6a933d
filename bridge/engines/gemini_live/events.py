"""The server messages of Gemini Live, as far as a phone call needs them.

A message has no type. It has one field or several, and each says something of its own. The audio's
way is `server_content`; what is only told is read apart, so that it costs no audio.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sipua.bridge.engines.openai.decoder import MAX_MESSAGE_BYTES, NOTHING, WireError, read_part

_NAME_CHARS: Final = 64  # of an unknown field, which is the server's to choose and ends in logs
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class _Part(msgspec.Struct, rename="camel", gc=False):
    """Each names only the fields that are used; the decoder skips the others."""


class Blob(_Part):
    data: str
    mime_type: str = ""


class ContentPart(_Part):
    inline_data: Blob | None = None


class ModelTurn(_Part):
    parts: list[ContentPart] | None = None


class Transcription(_Part):
    text: str | None = None
    finished: bool | None = None


class ServerContent(_Part):
    model_turn: ModelTurn | None = None
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interrupted: bool | None = None
    generation_complete: bool | None = None
    turn_complete: bool | None = None
    turn_complete_reason: str | None = None


class SetupComplete(_Part):
    session_id: str | None = None


class FunctionCall(_Part):
    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = NOTHING


class ToolCall(_Part):
    function_calls: list[FunctionCall] | None = None


class ToolCallCancellation(_Part):
    ids: list[str] | None = None


class GoAway(_Part):
    time_left: msgspec.Raw = NOTHING


class SessionResumptionUpdate(_Part):
    new_handle: str | None = None
    resumable: bool | None = None


class ServerMessage(_Part):
    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    usage_metadata: msgspec.Raw = NOTHING


HANDLED: Final = frozenset(ServerMessage.__struct_encode_fields__)
IGNORED: Final = frozenset({"voiceActivity", "voiceActivityDetectionSignal"})

_DECODER: Final = msgspec.json.Decoder(ServerMessage)


def decode(message: bytes | str) -> ServerMessage:
    """Raises WireError, and nothing else."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise WireError("oversize", len(message))
    try:
        return _DECODER.decode(message)
    except msgspec.ValidationError:
        raise WireError("malformed", len(message)) from None
    except _UNREADABLE:
        raise WireError("bad_json", len(message)) from None


def is_empty(message: ServerMessage) -> bool:
    """Nothing in it is known to us."""
    return message == _EMPTY


_EMPTY: Final = ServerMessage()


def fields_of(message: bytes | str) -> list[str]:
    """The names in a message, for those that we do not know."""
    try:
        fields = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        return []
    return [name[:_NAME_CHARS] for name in fields]


def seconds(duration: msgspec.Raw) -> float | None:
    """ "12.5s". None: it is not one."""
    text = read_part(duration, str) or ""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
