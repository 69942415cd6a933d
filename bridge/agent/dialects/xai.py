"""xAI: GA's names; voice and turn detection stand at the top, and transcripts grow."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from sipua.bridge.agent.dialects.client import Part, Update, reader
from sipua.bridge.agent.realtime import protocol as ga
from sipua.bridge.agent.realtime.session import (
    Audio,
    AudioInput,
    AudioOutput,
    FunctionTool,
    McpTool,
    Modality,
    Pcm,
    Pcma,
    Pcmu,
    ServerVad,
    SessionConfig,
    Transcription,
)
from sipua.bridge.agent.wire.client_events import Name, Text


class Wanted(Part):
    """A transcription."""

    model: Name
    language_hint: Name | UnsetType = UNSET


class Heard(Part):
    format: Pcm | Pcmu | Pcma | UnsetType = UNSET
    transcription: Wanted | UnsetType | None = UNSET


class Spoken(Part):
    format: Pcm | Pcmu | Pcma | UnsetType = UNSET
    speed: Annotated[float, Meta(ge=0.7, le=1.5)] | UnsetType = UNSET


class Sides(Part):
    input: Heard
    output: Spoken


class Session(Part):
    audio: Sides
    type: Literal["realtime"] = "realtime"
    output_modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | UnsetType = UNSET
    voice: Name | UnsetType = UNSET
    turn_detection: ServerVad | UnsetType | None = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType = UNSET
    reasoning: Raw | UnsetType = UNSET

    def ga(self) -> SessionConfig:
        heard, spoken = self.audio.input, self.audio.output
        wanted = heard.transcription
        return SessionConfig(
            type="realtime",
            output_modalities=self.output_modalities,
            instructions=self.instructions,
            tools=self.tools,
            reasoning=self.reasoning,
            audio=Audio(
                input=AudioInput(
                    format=heard.format,
                    transcription=Transcription(model=wanted.model)
                    if isinstance(wanted, Wanted)
                    else wanted,
                    turn_detection=self.turn_detection,
                ),
                output=AudioOutput(format=spoken.format, voice=self.voice, speed=spoken.speed),
            ),
        )


class SessionUpdate(Update[Session], tag="session.update"):
    pass


READ = reader(
    SessionUpdate
    | ga.Append
    | ga.Commit
    | ga.Clear
    | ga.ItemCreate
    | ga.ItemDelete
    | ga.ItemTruncate
    | ga.ResponseCreate
    | ga.ResponseCancel
)


class XaiOutbox(ga.RealtimeOutbox):
    __slots__ = ()

    def event(self, event_type: str, **fields: Any) -> None:
        if event_type == "session.created":
            super().event(event_type, session=_session(fields["session"]))
            conversation = {"id": self.new_id("conv"), "object": "realtime.conversation"}
            super().event("conversation.created", conversation=conversation)
            return
        if event_type == "session.updated":
            fields["session"] = _session(fields["session"])
        elif event_type == "conversation.item.input_audio_transcription.completed":
            self._grow(fields["item_id"], fields["transcript"])
        super().event(event_type, **fields)

    def _grow(self, item_id: str, transcript: str) -> None:
        words = transcript.split()
        for end in range(1, len(words) + 1):
            super().event(
                "conversation.item.input_audio_transcription.updated",
                item_id=item_id,
                transcript=" ".join(words[:end]),
            )


def _session(ga: dict[str, Any]) -> dict[str, Any]:
    heard, spoken = ga["audio"].input, ga["audio"].output
    return {
        "id": ga["id"],
        "object": ga["object"],
        "model": ga["model"],
        "instructions": ga["instructions"],
        "voice": spoken.voice,
        "turn_detection": heard.turn_detection,
        "tools": ga["tools"],
        "audio": {
            "input": {"format": heard.format, "transcription": heard.transcription},
            "output": {"format": spoken.format, "speed": spoken.speed},
        },
    }
