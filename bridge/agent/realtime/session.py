"""The session object: what `session.update` may set, and the effective settings.

The structs serve both: a field that an update leaves out is UNSET; in the effective session of
`default_session` all fields that the vendor shows are set. Fields whose content is only echoed
(tools' schemas, prompts) stay raw JSON.
"""

from typing import Annotated, Any, Literal, TypeVar

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, structs

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import FORMATS, WireFormat
from sipua.bridge.agent.wire.client_events import Name, Text
from sipua.codecs.vad import VadConfig

DEFAULT_INSTRUCTIONS = "Be the other end of a phone line under test."
SEMANTIC_SILENCE_MS = {"low": 1000, "medium": 600, "auto": 600, "high": 400}  # by eagerness

Milliseconds = Annotated[int, Meta(ge=0, le=2**31)]
Modality = Literal["text", "audio"]
MaxTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Pcm(_Part, tag_field="type", tag="audio/pcm"):
    rate: Literal[24000] = 24000


class Pcmu(_Part, tag_field="type", tag="audio/pcmu"):
    pass


class Pcma(_Part, tag_field="type", tag="audio/pcma"):
    pass


class ServerVad(_Part, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5000)] | UnsetType = UNSET
    silence_duration_ms: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    idle_timeout_ms: Annotated[int, Meta(ge=5000, le=30_000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Part, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class NoiseReduction(_Part):
    type: Literal["near_field", "far_field"]
    strength: float | UnsetType = UNSET


class Transcription(_Part):
    model: Name | UnsetType = UNSET
    language: Name | UnsetType = UNSET
    languages: list[Name] | UnsetType = UNSET
    prompt: Text | UnsetType = UNSET
    keywords: list[Name] | UnsetType = UNSET
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType = UNSET


class VoiceId(_Part):
    id: Name


class AudioInput(_Part):
    format: Pcm | Pcmu | Pcma | UnsetType = UNSET
    transcription: Transcription | UnsetType | None = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET
    turn_detection: ServerVad | SemanticVad | UnsetType | None = UNSET


class AudioOutput(_Part):
    format: Pcm | Pcmu | Pcma | UnsetType = UNSET
    voice: Name | VoiceId | UnsetType = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | UnsetType = UNSET


class Audio(_Part):
    input: AudioInput | UnsetType = UNSET
    output: AudioOutput | UnsetType = UNSET


class FunctionTool(_Part, tag_field="type", tag="function"):
    name: Name
    description: Text | UnsetType = UNSET
    parameters: Raw | UnsetType = UNSET


class McpTool(_Part, tag_field="type", tag="mcp"):
    server_label: Name
    server_url: Text | UnsetType = UNSET
    server_description: Text | UnsetType = UNSET
    connector_id: Name | UnsetType = UNSET
    tunnel_id: Name | UnsetType = UNSET
    authorization: Text | UnsetType = UNSET
    headers: dict[str, str] | UnsetType | None = UNSET
    allowed_callers: list[Name] | UnsetType | None = UNSET
    allowed_tools: Raw | UnsetType = UNSET
    require_approval: Raw | UnsetType = UNSET
    defer_loading: bool | UnsetType = UNSET


class SessionConfig(_Part):
    type: Literal["realtime"]
    model: Name | UnsetType = UNSET
    output_modalities: list[Modality] | UnsetType = UNSET
    instructions: Text | UnsetType = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    max_output_tokens: MaxTokens | UnsetType = UNSET
    reasoning: Raw | UnsetType = UNSET
    tracing: Raw | UnsetType = UNSET
    truncation: Raw | UnsetType = UNSET
    prompt: Raw | UnsetType = UNSET
    include: list[Literal["item.input_audio_transcription.logprobs"]] | UnsetType | None = UNSET
    audio: Audio | UnsetType = UNSET


class Session(Struct, frozen=True):
    """The effective session, with its formats and turn detection resolved."""

    config: SessionConfig
    input: AudioInput
    output: AudioOutput

    def view(self) -> dict[str, Any]:
        """All that the client is shown of it."""
        config = self.config
        fields = ((name, getattr(config, name)) for name in config.__struct_fields__)
        shown = {name: value for name, value in fields if value is not UNSET}
        return {**shown, "object": "realtime.session"}

    @property
    def input_format(self) -> WireFormat:
        return wire_format(self.input.format)

    @property
    def output_format(self) -> WireFormat:
        return wire_format(self.output.format)

    @property
    def turn_detection(self) -> ServerVad | SemanticVad | None:
        detection = self.input.turn_detection
        return None if isinstance(detection, UnsetType) else detection

    @property
    def vad(self) -> VadConfig | None:
        detection = self.turn_detection
        if detection is None:
            return None
        if isinstance(detection, SemanticVad):
            return VadConfig(silence_duration_ms=SEMANTIC_SILENCE_MS[detection.eagerness])
        return VadConfig(
            threshold=_set(detection.threshold),
            prefix_padding_ms=_set(detection.prefix_padding_ms),
            silence_duration_ms=_set(detection.silence_duration_ms),
        )

    @property
    def instructions(self) -> str:
        return _set(self.config.instructions)

    @property
    def max_output_tokens(self) -> int | str:
        limit = self.config.max_output_tokens
        assert not isinstance(limit, UnsetType)  # `_set` would make an object of int | str
        return limit

    @property
    def output_modalities(self) -> list[Modality]:
        return _set(self.config.output_modalities)


def default_session(settings: AgentSettings, model: str) -> Session:
    return _session(
        SessionConfig(
            type="realtime",
            model=model,
            output_modalities=["audio"],
            instructions=DEFAULT_INSTRUCTIONS,
            tools=[],
            tool_choice=Raw(b'"auto"'),
            max_output_tokens="inf",
            tracing=Raw(b"null"),
            truncation=Raw(b'"auto"'),
            prompt=Raw(b"null"),
            include=None,
            audio=Audio(
                input=AudioInput(
                    format=Pcm(),
                    transcription=None,
                    noise_reduction=None,
                    turn_detection=_completed(ServerVad(), settings),
                ),
                output=AudioOutput(format=Pcm(), voice="marin", speed=1.0),
            ),
        )
    )


def updated_session(session: Session, update: SessionConfig, settings: AgentSettings) -> Session:
    """The session after an update: only its fields change; the model is the connection's."""
    config = _merged(session.config, structs.replace(update, model=session.config.model))
    audio = _set(config.audio)
    detection = _set(audio.input).turn_detection
    if isinstance(detection, ServerVad):
        listening = structs.replace(
            _set(audio.input), turn_detection=_completed(detection, settings)
        )
        config = structs.replace(config, audio=structs.replace(audio, input=listening))
    return _session(config)


def _session(config: SessionConfig) -> Session:
    audio = _set(config.audio)
    return Session(config, _set(audio.input), _set(audio.output))


def _completed(detection: ServerVad, settings: AgentSettings) -> ServerVad:
    defaults = {
        "threshold": settings.threshold,
        "prefix_padding_ms": settings.prefix_padding_ms,
        "silence_duration_ms": settings.silence_ms,
    }
    missing = {name: value for name, value in defaults.items() if getattr(detection, name) is UNSET}
    return structs.replace(detection, **missing)


T = TypeVar("T")
_PartT = TypeVar("_PartT", bound=_Part)


def _merged(base: _PartT, update: _PartT) -> _PartT:
    changes = {}
    for name in update.__struct_fields__:
        value = getattr(update, name)
        if value is UNSET:
            continue
        if isinstance(value, Audio | AudioInput | AudioOutput):
            value = _merged(getattr(base, name), value)
        elif isinstance(value, Raw):
            value = value.copy()  # else it would keep the whole message alive
        changes[name] = value
    return structs.replace(base, **changes)


def _set(value: T | UnsetType) -> T:
    assert not isinstance(value, UnsetType), "the effective session has every field"
    return value


def wire_format(part: Pcm | Pcmu | Pcma | UnsetType) -> WireFormat:
    tag = _set(part).__struct_config__.tag
    assert isinstance(tag, str)
    return FORMATS[tag]
