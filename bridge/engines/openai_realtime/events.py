"""The server events of OpenAI Realtime (GA), as far as a phone call needs them.

Each struct names only the fields that are used, so that the decoder skips the rest, and new
fields change nothing. Fields are optional wherever the call can go on without them.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai_realtime.wire import Other, read

_NOTHING: Final = msgspec.Raw(b"null")


class _Event(msgspec.Struct, tag_field="type", gc=False):
    pass


class OutputAudioDelta(_Event, tag="response.output_audio.delta"):
    item_id: str
    delta: str
    response_id: str = ""
    content_index: int = 0


class OutputAudioDone(_Event, tag="response.output_audio.done"):
    item_id: str


class OutputTranscriptDelta(_Event, tag="response.output_audio_transcript.delta"):
    item_id: str
    delta: str
    response_id: str = ""


class OutputTranscriptDone(_Event, tag="response.output_audio_transcript.done"):
    item_id: str
    transcript: str
    response_id: str = ""


class InputTranscriptDelta(_Event, tag="conversation.item.input_audio_transcription.delta"):
    item_id: str
    delta: str | None = None


class InputTranscriptDone(_Event, tag="conversation.item.input_audio_transcription.completed"):
    item_id: str
    transcript: str
    usage: msgspec.Raw = _NOTHING


class SpeechStarted(_Event, tag="input_audio_buffer.speech_started"):
    item_id: str = ""
    audio_start_ms: float = 0


class SpeechStopped(_Event, tag="input_audio_buffer.speech_stopped"):
    item_id: str = ""
    audio_end_ms: float = 0


class BufferCommitted(_Event, tag="input_audio_buffer.committed"):
    item_id: str = ""


class TimeoutTriggered(_Event, tag="input_audio_buffer.timeout_triggered"):
    item_id: str = ""
    audio_end_ms: float = 0


class FunctionCallDone(_Event, tag="response.function_call_arguments.done"):
    call_id: str
    name: str
    arguments: str
    response_id: str = ""


class ErrorDetail(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | None = None
    event_id: str | None = None


class Error(_Event, tag="error"):
    error: ErrorDetail


class InputTranscriptFailed(_Event, tag="conversation.item.input_audio_transcription.failed"):
    item_id: str = ""
    error: ErrorDetail | None = None


class Item(msgspec.Struct):
    """Of any kind; the names are those of MCP's items."""

    id: str | None = None
    type: str | None = None
    name: str | None = None
    server_label: str | None = None


class ItemAdded(_Event, tag="conversation.item.added"):
    item: Item


class ItemCreated(_Event, tag="conversation.item.created"):
    """What servers of the older shape say instead of `added`."""

    item: Item


class ItemDone(_Event, tag="conversation.item.done"):
    item: Item


class OutputItemAdded(_Event, tag="response.output_item.added"):
    item: Item


class McpCallInProgress(_Event, tag="response.mcp_call.in_progress"):
    item_id: str


class McpCallCompleted(_Event, tag="response.mcp_call.completed"):
    item_id: str


class McpCallFailed(_Event, tag="response.mcp_call.failed"):
    item_id: str


class McpListToolsFailed(_Event, tag="mcp_list_tools.failed"):
    item_id: str = ""


class Session(msgspec.Struct):
    id: str = ""


class SessionCreated(_Event, tag="session.created"):
    session: Session


class SessionUpdated(_Event, tag="session.updated"):
    session: Session


class Response(msgspec.Struct):
    id: str | None = None
    status: str | None = None
    # Read apart: an end of a response that nobody recognised would stop the conversation.
    status_details: msgspec.Raw = _NOTHING
    usage: msgspec.Raw = _NOTHING


class ResponseCreated(_Event, tag="response.created"):
    response: Response


class ResponseDone(_Event, tag="response.done"):
    response: Response


class RateLimit(msgspec.Struct):
    name: str | None = None
    limit: float | None = None
    remaining: float | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(_Event, tag="rate_limits.updated"):
    rate_limits: list[RateLimit]


ServerEvent: TypeAlias = (
    OutputAudioDelta
    | OutputAudioDone
    | OutputTranscriptDelta
    | OutputTranscriptDone
    | InputTranscriptDelta
    | InputTranscriptDone
    | InputTranscriptFailed
    | SpeechStarted
    | SpeechStopped
    | BufferCommitted
    | TimeoutTriggered
    | FunctionCallDone
    | ItemAdded
    | ItemCreated
    | ItemDone
    | OutputItemAdded
    | McpCallInProgress
    | McpCallCompleted
    | McpCallFailed
    | McpListToolsFailed
    | Error
    | SessionCreated
    | SessionUpdated
    | ResponseCreated
    | ResponseDone
    | RateLimitsUpdated
)

HANDLED: Final = frozenset(str(struct.__struct_config__.tag) for struct in _Event.__subclasses__())

# Read from the vendor's list so that they are told apart from what we have never heard of. They
# repeat what another event said, or belong to text output, other transports and the server's
# own tools.
IGNORED: Final = frozenset(
    {
        "conversation.created",
        "conversation.item.deleted",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "input_audio_buffer.cleared",
        "input_audio_buffer.dtmf_event_received",
        "mcp_list_tools.completed",
        "mcp_list_tools.in_progress",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
    }
)


_DECODER: Final[msgspec.json.Decoder[ServerEvent]] = msgspec.json.Decoder(ServerEvent)


def decode(message: bytes | str) -> ServerEvent | Other:
    """One message to one event. Raises WireError, and nothing else, whatever it is fed."""
    return read(message, _DECODER, HANDLED)
