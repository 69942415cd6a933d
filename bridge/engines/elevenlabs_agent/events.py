"""What an agent of ElevenLabs says: only the fields that are used."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai.decoder import NOTHING, EventDecoder, ServerEvent


class _Metadata(msgspec.Struct, gc=False):
    conversation_id: str = ""
    agent_output_audio_format: str = ""
    user_input_audio_format: str = ""


class Metadata(ServerEvent, tag="conversation_initiation_metadata"):
    conversation_initiation_metadata_event: _Metadata


class _Audio(msgspec.Struct, gc=False):
    audio_base_64: str
    event_id: int | str = 0


class Audio(ServerEvent, tag="audio"):
    audio_event: _Audio


class _Interruption(msgspec.Struct, gc=False):
    event_id: int | str = 0


class Interruption(ServerEvent, tag="interruption"):
    interruption_event: _Interruption


class _Ping(msgspec.Struct, gc=False):
    event_id: int | str


class Ping(ServerEvent, tag="ping"):
    ping_event: _Ping


class _UserTranscript(msgspec.Struct, gc=False):
    user_transcript: str


class UserTranscript(ServerEvent, tag="user_transcript"):
    user_transcription_event: _UserTranscript


class _AgentResponse(msgspec.Struct, gc=False):
    agent_response: str


class AgentResponse(ServerEvent, tag="agent_response"):
    agent_response_event: _AgentResponse


class AgentResponseComplete(ServerEvent, tag="agent_response_complete"):
    pass


class _ToolCall(msgspec.Struct, gc=False):
    tool_name: str
    tool_call_id: str
    parameters: msgspec.Raw = NOTHING


class ClientToolCall(ServerEvent, tag="client_tool_call"):
    client_tool_call: _ToolCall


class _Error(msgspec.Struct, gc=False):
    code: int | str | None = None
    message: str | None = None
    error_type: str | None = None
    reason: str | None = None


class Error(ServerEvent, tag="error"):
    error_event: _Error | None = None
    message: str | None = None
    """In the place of `error_event`, where a quota is used up."""


class ClientError(ServerEvent, tag="client_error"):
    message: str | None = None


ServerMessage: TypeAlias = (
    Metadata
    | Audio
    | Interruption
    | Ping
    | UserTranscript
    | AgentResponse
    | AgentResponseComplete
    | ClientToolCall
    | Error
    | ClientError
)

DECODER: Final[EventDecoder[ServerMessage]] = EventDecoder(ServerMessage)

IGNORED: Final = frozenset(
    {
        "agent_chat_response_part",
        "agent_reasoning_response_part",
        # What was heard of an answer is known here to the millisecond.
        "agent_response_correction",
        "agent_response_metadata",
        "agent_tool_request",
        "agent_tool_response",
        "agent_tool_response_full_payload",
        "agent_typing",
        "asr_initiation_metadata",
        "context_usage",
        "conversation_history",
        "guardrail_triggered",
        "internal_tentative_agent_response",
        "internal_turn_probability",
        "mcp_connection_status",
        "mcp_tool_call",
        "rich_content",
        "tentative_user_transcript",
        "vad_score",
    }
)
