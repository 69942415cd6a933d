"""The beta, as OpenAI spoke it: no `session.created` here, as with some that still speak it."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, UnsetType

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
    NoiseReduction,
    SemanticVad,
    SessionConfig,
    Transcription,
)
from sipua.bridge.agent.wire.client_events import Name, Text


class Session(Part):
    modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | UnsetType = UNSET
    voice: Name | UnsetType = UNSET
    input_audio_format: Format = "pcm16"
    output_audio_format: Format = "pcm16"
    input_audio_transcription: Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: NoiseReduction | UnsetType | None = UNSET
    turn_detection: Vad | SemanticVad | UnsetType | None = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    tools: list[FunctionTool] | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    max_response_output_tokens: MaxTokens | UnsetType = UNSET

    def ga(self) -> SessionConfig:
        detection = self.turn_detection
        heard = AudioInput(
            format=FORMATS[self.input_audio_format],
            transcription=self.input_audio_transcription,
            noise_reduction=self.input_audio_noise_reduction,
            turn_detection=detection.ga() if isinstance(detection, Vad) else detection,
        )
        spoken = AudioOutput(
            format=FORMATS[self.output_audio_format], voice=self.voice, speed=self.speed
        )
        tools: list[FunctionTool | McpTool] | UnsetType = UNSET
        if not isinstance(self.tools, UnsetType):
            tools = list(self.tools)
        return SessionConfig(
            type="realtime",
            output_modalities=modality(self.modalities),
            instructions=self.instructions,
            tools=tools,
            tool_choice=self.tool_choice,
            max_output_tokens=self.max_response_output_tokens,
            audio=Audio(input=heard, output=spoken),
        )


class SessionUpdate(Update[Session], tag="session.update"):
    pass


READ = reader(SessionUpdate | ga.ItemTruncate | COMMON)


class BetaOutbox(FlatOutbox):
    unsaid = FlatOutbox.unsaid | {"session.created"}

    __slots__ = ()

    def reworded(self, event_type: str, fields: dict[str, Any]) -> None:
        if event_type == "response.function_call_arguments.done":
            del fields["name"]  # stands in the item
        if event_type == "response.function_call_arguments.delta":
            fields.pop("name", None)
