"""What the servers of each dialect say: the names of their events, one decoder for each dialect.

An event with another name is the same struct with another tag, so that the rest of the engine sees
no difference, and the decoder does the translation at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sipua.bridge.engines.openai.decoder import EventDecoder, ServerEvent
from sipua.bridge.engines.openai.details import ErrorDetail
from sipua.bridge.engines.openai_realtime import events as ga


class BetaAudioDelta(ga.OutputAudioDelta, tag="response.audio.delta"):
    pass


class BetaAudioDone(ga.OutputAudioDone, tag="response.audio.done"):
    pass


class BetaTranscriptDelta(ga.OutputTranscriptDelta, tag="response.audio_transcript.delta"):
    pass


class BetaTranscriptDone(ga.OutputTranscriptDone, tag="response.audio_transcript.done"):
    pass


class OutputItemDone(ServerEvent, tag="response.output_item.done"):
    """Names the function of a call, where `function_call_arguments.done` does not."""

    item: ga.Item


class InputTranscriptUpdated(
    ServerEvent, tag="conversation.item.input_audio_transcription.updated"
):
    """Of xAI: all that was understood so far."""

    item_id: str
    transcript: str


class Warned(ServerEvent, tag="warning"):
    """Of Voice Live."""

    warning: ErrorDetail


class SessionFinished(ServerEvent, tag="session.finished"):
    """Of Qwen: the answer to our goodbye."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    decoder: EventDecoder[Any]
    audio_delta: type[ga.OutputAudioDelta]
    """The event that comes fifty times a second, and is looked for first."""
    ignored: frozenset[str]
    """Types that are known and not used."""


_Beta = (
    BetaAudioDelta
    | BetaAudioDone
    | BetaTranscriptDelta
    | BetaTranscriptDone
    | ga.InputTranscriptDelta
    | ga.InputTranscriptDone
    | ga.InputTranscriptFailed
    | ga.SpeechStarted
    | ga.SpeechStopped
    | ga.BufferCommitted
    | ga.FunctionCallDone
    | ga.ItemCreated
    | ga.OutputItemAdded
    | OutputItemDone
    | ga.Error
    | ga.SessionCreated
    | ga.SessionUpdated
    | ga.ResponseCreated
    | ga.ResponseDone
    | ga.RateLimitsUpdated
)
_Mcp = ga.McpCallInProgress | ga.McpCallCompleted | ga.McpCallFailed | ga.McpListToolsFailed

_NOT_USED_BETA: Final = frozenset(
    {
        "conversation.created",
        "conversation.item.deleted",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "input_audio_buffer.cleared",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.text.delta",
        "response.text.done",
        "transcription_session.updated",
    }
)

# Of avatars, of the model's own tools, and of what it says beside the sound.
_NOT_USED_VOICE_LIVE: Final = frozenset(
    {
        "mcp_list_tools.completed",
        "mcp_list_tools.in_progress",
        "response.animation_blendshapes.delta",
        "response.animation_blendshapes.done",
        "response.animation_viseme.delta",
        "response.animation_viseme.done",
        "response.audio_timestamp.delta",
        "response.audio_timestamp.done",
        "response.audio_transcript.annotation.added",
        "response.file_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.invocation.delta",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.video.delta",
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "session.avatar.connecting",
        "session.avatar.switch_to_idle",
        "session.avatar.switch_to_speaking",
    }
)

GA: Final = Vocabulary(EventDecoder(ga.AnyEvent), ga.OutputAudioDelta, ga.IGNORED)
XAI: Final = Vocabulary(
    EventDecoder(ga.AnyEvent | InputTranscriptUpdated), ga.OutputAudioDelta, ga.IGNORED
)
BETA: Final = Vocabulary(EventDecoder(_Beta), BetaAudioDelta, _NOT_USED_BETA)
VOICE_LIVE: Final = Vocabulary(
    EventDecoder(_Beta | _Mcp | Warned), BetaAudioDelta, _NOT_USED_BETA | _NOT_USED_VOICE_LIVE
)
QWEN: Final = Vocabulary(EventDecoder(_Beta | SessionFinished), BetaAudioDelta, _NOT_USED_BETA)
