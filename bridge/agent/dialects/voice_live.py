"""Azure Voice Live: the beta with objects for voices, and with detections of its own."""

from typing import Any, Literal

from msgspec import UNSET, Raw, UnsetType

from sipua.bridge.agent.dialects.client import (
    COMMON,
    FORMATS,
    Format,
    Part,
    Update,
    Vad,
    modality,
    reader,
)
from sipua.bridge.agent.dialects.outbox import FlatOutbox
from sipua.bridge.agent.realtime import protocol as ga
from sipua.bridge.agent.realtime.session import (
    Audio,
    AudioInput,
    AudioOutput,
    FunctionTool,
    MaxTokens,
    McpTool,
    Modality,
    SessionConfig,
    Transcription,
)
from sipua.bridge.agent.wire.client_events import Name, Text


class SemanticVad(Vad, tag="azure_semantic_vad"):
    remove_filler_words: bool = False


class MultilingualVad(SemanticVad, tag="azure_semantic_vad_multilingual"):
    pass


class Voice(Part):
    type: Literal["openai", "azure-standard"]
    name: Name


class NoiseReduction(Part):
    type: Literal["azure_deep_noise_suppression", "near_field", "far_field"]


class EchoCancellation(Part):
    type: Literal["server_echo_cancellation"]


class Session(Part):
    modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | UnsetType = UNSET
    voice: Voice | UnsetType = UNSET
    input_audio_format: Format = "pcm16"
    output_audio_format: Format = "pcm16"
    input_audio_sampling_rate: Literal[8000, 24000] | UnsetType = UNSET
    input_audio_transcription: Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: NoiseReduction | UnsetType | None = UNSET
    input_audio_echo_cancellation: EchoCancellation | UnsetType | None = UNSET
    turn_detection: Vad | SemanticVad | MultilingualVad | UnsetType | None = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    reasoning_effort: Name | UnsetType = UNSET
    max_response_output_tokens: MaxTokens | UnsetType = UNSET

    def ga(self) -> SessionConfig:
        """Noise and echo are what a call in memory does not have."""
        detection, voice = self.turn_detection, self.voice
        heard = AudioInput(
            format=FORMATS[self.input_audio_format],
            transcription=self.input_audio_transcription,
            turn_detection=detection.ga() if isinstance(detection, Vad) else detection,
        )
        spoken = AudioOutput(
            format=FORMATS[self.output_audio_format],
            voice=voice if isinstance(voice, UnsetType) else voice.name,
        )
        return SessionConfig(
            type="realtime",
            output_modalities=modality(self.modalities),
            instructions=self.instructions,
            tools=self.tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=self.parallel_tool_calls,
            max_output_tokens=self.max_response_output_tokens,
            audio=Audio(input=heard, output=spoken),
        )


class SessionUpdate(Update[Session], tag="session.update"):
    pass


READ = reader(SessionUpdate | ga.ItemTruncate | COMMON)


class VoiceLiveOutbox(FlatOutbox):
    unsaid = FlatOutbox.unsaid | {"rate_limits.updated"}

    __slots__ = ()

    def reworded(self, event_type: str, fields: dict[str, Any]) -> None:
        if "item" in fields and fields["item"]["type"] == "function_call_output":
            fields["item"] = {k: v for k, v in fields["item"].items() if k != "status"}
        if event_type == "conversation.item.input_audio_transcription.completed":
            del fields["usage"]

    def session(self, ga: dict[str, Any]) -> dict[str, Any]:
        shown = super().session(ga)
        kind = "azure-standard" if "-" in shown["voice"] else "openai"
        return shown | {"voice": {"type": kind, "name": shown["voice"]}}

    def usage(self, ga: dict[str, Any]) -> dict[str, Any]:
        return ga
