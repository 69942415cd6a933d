"""Qwen-Omni: formats with a rate, tools as in chat completions, a goodbye, and no truncation."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from sipua.bridge.agent.dialects.client import COMMON, Part, Update, Vad, modality, reader
from sipua.bridge.agent.dialects.outbox import FlatOutbox
from sipua.bridge.agent.realtime import protocol as ga
from sipua.bridge.agent.realtime.session import (
    Audio,
    AudioInput,
    AudioOutput,
    FunctionTool,
    McpTool,
    Modality,
    Pcm,
    SessionConfig,
    Transcription,
)
from sipua.bridge.agent.wire.client_events import Name, Text


class Format(Part):
    type: Literal["pcm"]
    sample_rate: Literal[24000]


class Side(Part):
    format: Format


class Sides(Part):
    input: Side
    output: Side


class Function(Part):
    name: Name
    description: Text | UnsetType = UNSET
    parameters: Any = UNSET


class Tool(Part, tag_field="type", tag="function"):
    function: Function


class Session(Part):
    audio: Sides
    modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | UnsetType = UNSET
    voice: Name | UnsetType = UNSET
    input_audio_transcription: Transcription | UnsetType | None = UNSET
    turn_detection: Vad | UnsetType | None = UNSET
    tools: list[Tool] | UnsetType = UNSET
    max_tokens: Annotated[int, Meta(ge=1, le=16_384)] | UnsetType = UNSET

    def ga(self) -> SessionConfig:
        detection = self.turn_detection
        heard = AudioInput(
            format=Pcm(),
            transcription=self.input_audio_transcription,
            turn_detection=detection.ga() if isinstance(detection, Vad) else detection,
        )
        tools: list[FunctionTool | McpTool] | UnsetType = UNSET
        if not isinstance(self.tools, UnsetType):
            tools = [FunctionTool(name=tool.function.name) for tool in self.tools]
        return SessionConfig(
            type="realtime",
            output_modalities=modality(self.modalities),
            instructions=self.instructions,
            tools=tools,
            max_output_tokens=self.max_tokens,
            audio=Audio(input=heard, output=AudioOutput(format=Pcm(), voice=self.voice)),
        )


class SessionUpdate(Update[Session], tag="session.update"):
    pass


READ = reader(SessionUpdate | ga.Finish | COMMON)


class QwenOutbox(FlatOutbox):
    __slots__ = ()

    def session(self, ga: dict[str, Any]) -> dict[str, Any]:
        shown = super().session(ga)
        format_ = {"type": "pcm", "sample_rate": 24_000}
        shown["tools"] = [
            {"type": "function", "function": {"name": tool.name}} for tool in ga["tools"]
        ]
        for name in ("input_audio_format", "output_audio_format", "tool_choice"):
            del shown[name]
        shown["max_tokens"] = shown.pop("max_response_output_tokens")
        return shown | {"audio": {"input": {"format": format_}, "output": {"format": format_}}}
