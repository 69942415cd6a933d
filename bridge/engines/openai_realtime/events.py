"""The server events of OpenAI Realtime (GA), as far as a phone call needs them.

`vocabulary` has the other names that dialects have for them.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai.decoder import NOTHING, ServerEvent
from sipua.bridge.engines.openai.details import ErrorDetail


class OutputAudioDelta(ServerEvent, tag="response.output_audio.delta"):
    item_id: str
    delta: str
    response_id: str = ""
    content_index: int = 0


class OutputAudioDone(ServerEvent, tag="response.output_audio.done"):
    item_id: str


class OutputTranscriptDelta(ServerEvent, tag="response.output_audio_transcript.delta"):
    item_id: str
    delta: str
    response_id: str = ""


class OutputTranscriptDone(ServerEvent, tag="response.output_audio_transcript.done"):
    item_id: str
    transcript: str | None = None
    response_id: str = ""


class InputTranscriptDelta(ServerEvent, tag="conversation.item.input_audio_transcription.delta"):
    item_id: str
    delta: str | None = None


class InputTranscriptDone(ServerEvent, tag="conversation.item.input_audio_transcription.completed"):
    item_id: str
    transcript: str
    status: str | None = None
    usage: msgspec.Raw = NOTHING


class SpeechStarted(ServerEvent, tag="input_audio_buffer.speech_started"):
    item_id: str = ""
    audio_start_ms: float = 0


class SpeechStopped(ServerEvent, tag="input_audio_buffer.speech_stopped"):
    item_id: str = ""
    audio_end_ms: float = 0


class BufferCommitted(ServerEvent, tag="input_audio_buffer.committed"):
    item_id: str = ""


class TimeoutTriggered(ServerEvent, tag="input_audio_buffer.timeout_triggered"):
    item_id: str = ""
    audio_end_ms: float = 0


class FunctionCallDone(ServerEvent, tag="response.function_call_arguments.done"):
    call_id: str
    arguments: str
    name: str | None = None
    item_id: str = ""
    response_id: str = ""


class RequestError(ErrorDetail):
    event_id: str | None = None


class Error(ServerEvent, tag="error"):
    error: RequestError


class InputTranscriptFailed(ServerEvent, tag="conversation.item.input_audio_transcription.failed"):
    item_id: str = ""
    error: ErrorDetail | None = None


class Item(msgspec.Struct):
    """Of any kind; the names are those of MCP's items."""

    id: str | None = None
    type: str | None = None
    name: str | None = None
    server_label: str | None = None


class ItemAdded(ServerEvent, tag="conversation.item.added"):
    item: Item


class ItemCreated(ServerEvent, tag="conversation.item.created"):
    """What servers of the older shape say instead of `added`."""

    item: Item


class ItemDone(ServerEvent, tag="conversation.item.done"):
    item: Item


class OutputItemAdded(ServerEvent, tag="response.output_item.added"):
    item: Item


class McpCallInProgress(ServerEvent, tag="response.mcp_call.in_progress"):
    item_id: str


class McpCallCompleted(ServerEvent, tag="response.mcp_call.completed"):
    item_id: str


class McpCallFailed(ServerEvent, tag="response.mcp_call.failed"):
    item_id: str


class McpListToolsFailed(ServerEvent, tag="mcp_list_tools.failed"):
    item_id: str = ""


class Session(msgspec.Struct):
    id: str = ""


class SessionCreated(ServerEvent, tag="session.created"):
    session: Session


class SessionUpdated(ServerEvent, tag="session.updated"):
    session: Session


class Response(msgspec.Struct):
    id: str | None = None
    status: str | None = None
    # Read apart: an end of a response that is not recognised would stop the conversation.
    status_details: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING


class ResponseCreated(ServerEvent, tag="response.created"):
    response: Response


class ResponseDone(ServerEvent, tag="response.done"):
    response: Response


class RateLimit(msgspec.Struct):
    name: str | None = None
    limit: float | None = None
    remaining: float | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEvent, tag="rate_limits.updated"):
    rate_limits: list[RateLimit]


AnyEvent: TypeAlias = (
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

# Read from the vendor's list. They repeat what another event said, or belong to text output, other
# transports and the server's own tools.
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
