"""The session object of Live: what `session.start` and `session.update` may say.

As strict as the vendor, which refuses unknown fields. What is only echoed (schemas,
reasoning, text settings) stays raw JSON.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, structs

from sipua.bridge.agent.realtime.session import FunctionTool, McpTool, VoiceId
from sipua.bridge.agent.speech.formats import PCM, PCMA, PCMU, WireFormat
from sipua.bridge.agent.wire.client_events import Name, Text
from sipua.bridge.agent.wire.errors import ClientError

DEFAULT_VOICE = "marin"
MAX_PAST_MESSAGES = 128


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Pcm(_Part, tag_field="type", tag="audio/pcm"):
    rate: Literal[16000, 24000]


class Pcmu(_Part, tag_field="type", tag="audio/pcmu"):
    rate: Literal[8000]


class Pcma(_Part, tag_field="type", tag="audio/pcma"):
    rate: Literal[8000]


class Output(_Part):
    voice: Name | VoiceId | UnsetType = UNSET


class Audio(_Part):
    format: Pcm | Pcmu | Pcma | UnsetType = UNSET
    output: Output | UnsetType = UNSET


class WebSearch(_Part, tag_field="type", tag="web_search"):
    pass


class Responses(_Part):
    model: Name | UnsetType = UNSET
    instructions: Text | UnsetType | None = UNSET
    max_output_tokens: Annotated[int, Meta(ge=16)] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    reasoning: Raw | UnsetType = UNSET
    service_tier: Name | UnsetType | None = UNSET
    text: Raw | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    tools: list[FunctionTool | McpTool | WebSearch] | UnsetType = UNSET


Delay = Annotated[int, Meta(ge=0, le=60_000)]


class ToClient(_Part, tag_field="type", tag="client"):
    acknowledgement_delay_ms: Delay | UnsetType = UNSET


class ToResponses(_Part, tag_field="type", tag="responses"):
    responses: Responses | UnsetType = UNSET
    acknowledgement_delay_ms: Delay | UnsetType = UNSET


class TextPart(_Part):
    text: Text
    type: Literal["input_text", "output_text", "text"] | UnsetType = UNSET


class PastMessage(_Part):
    role: Literal["developer", "user", "assistant"]
    content: Annotated[list[TextPart], Meta(min_length=1, max_length=1)]
    id: Name | UnsetType | None = UNSET
    status: Literal["incomplete", "completed"] | UnsetType | None = UNSET
    type: Literal["message"] | UnsetType = UNSET


class SessionConfig(_Part):
    model: Name
    audio: Audio | UnsetType = UNSET
    delegation: ToClient | ToResponses | UnsetType | None = UNSET
    input: Annotated[list[PastMessage], Meta(max_length=MAX_PAST_MESSAGES)] | UnsetType = UNSET
    instructions: Text | UnsetType | None = UNSET
    safety_identifier: Name | UnsetType | None = UNSET
    store: bool | UnsetType = UNSET


class SessionUpdate(_Part):
    delegation: ToClient | ToResponses | UnsetType | None = UNSET


class LiveSession:
    """The effective session."""

    __slots__ = ("_config", "delegation", "format")

    def __init__(self, config: SessionConfig) -> None:
        self._config = config
        audio = Audio() if isinstance(config.audio, UnsetType) else config.audio
        self.format = _wire(audio.format)
        self.delegation = config.delegation or ToClient()
        if isinstance(self.delegation, ToResponses):
            responses = self.delegation.responses
            if isinstance(responses, UnsetType) or isinstance(responses.model, UnsetType):
                param = "session.delegation.responses.model"
                raise ClientError(
                    "missing_required_parameter", f"Missing required parameter: '{param}'.", param
                )

    @property
    def backend(self) -> Responses | None:
        """The backend that runs what the voice delegates; None: the client."""
        if not isinstance(self.delegation, ToResponses):
            return None
        assert isinstance(self.delegation.responses, Responses)
        return self.delegation.responses

    def update(self, update: SessionUpdate) -> None:
        wanted = update.delegation or ToClient()
        if type(wanted) is not type(self.delegation):
            raise ClientError(
                "invalid_value",
                "The type of delegation cannot be changed.",
                "session.delegation.type",
            )
        if isinstance(wanted, ToResponses) and (backend := self.backend) is not None:
            changes = wanted.responses
            merged = structs.replace(backend, **_set(changes)) if changes else backend
            wanted = structs.replace(wanted, responses=merged)
        self.delegation = wanted

    def view(self, session_id: str, expires_at: int) -> dict[str, Any]:
        config = self._config
        wire: dict[str, Any] = {"type": self.format.type, "rate": self.format.rate}
        voice: Any = DEFAULT_VOICE
        if isinstance(config.audio, Audio) and isinstance(config.audio.output, Output):
            voice = config.audio.output.voice or voice
        return {
            **_set(config),
            "audio": {"format": wire, "output": {"voice": voice}},
            "delegation": self.delegation,
            "input": config.input or [],
            "id": session_id,
            "expires_at": expires_at,
            "status": "active",
        }


def function_tools(backend: Responses) -> list[FunctionTool | McpTool]:
    return [tool for tool in backend.tools or [] if isinstance(tool, FunctionTool)]


def _set(part: Struct) -> dict[str, Any]:
    return {
        name: value
        for name in part.__struct_fields__
        if (value := getattr(part, name)) is not UNSET
    }


def _wire(asked: Pcm | Pcmu | Pcma | UnsetType) -> WireFormat:
    if isinstance(asked, Pcmu):
        return PCMU
    if isinstance(asked, Pcma):
        return PCMA
    if isinstance(asked, Pcm) and asked.rate != PCM.rate:
        raise ClientError(
            "invalid_value",
            "The local server has audio/pcm at 24000 Hz only.",
            "session.audio.format.rate",
        )
    return PCM
