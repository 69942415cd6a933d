"""The messages of Gemini Live: decodes the client's, encodes ours.

As strict as the vendor: a field that is unknown, or of another type, ends the session (1007), and
so does a message that says more than one thing. Ours leave in binary frames, as theirs do.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
import pybase64
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sipua.bridge.agent.scenario.garbage import Binary
from sipua.bridge.agent.wire.client_events import MAX_EVENT_BYTES, Name, Text
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import Messages

MAX_AUDIO_CHARS = 4 << 20
MAX_TURNS = 512
MAX_PARTS = 64
_UNDERSCORE = re.compile(r"_([a-z])")
# In which names are the user's.
_THE_USERS = ("parameters", "parametersJsonSchema", "response")
_URL_SAFE = str.maketrans("-_", "+/")


class _Message(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class Part(_Message):
    text: Text | UnsetType = UNSET


Parts = Annotated[list[Part], Meta(max_length=MAX_PARTS)]


class Content(_Message):
    parts: Parts
    role: Literal["user", "model"] | UnsetType = UNSET


class PrebuiltVoice(_Message):
    voice_name: Name


class VoiceConfig(_Message):
    prebuilt_voice_config: PrebuiltVoice


class SpeechConfig(_Message):
    voice_config: VoiceConfig | UnsetType = UNSET
    language_code: Name | UnsetType = UNSET


class ThinkingConfig(_Message):
    thinking_level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"] | UnsetType = UNSET
    include_thoughts: bool | UnsetType = UNSET


class GenerationConfig(_Message):
    response_modalities: list[Literal["AUDIO"]]  # what is only read is not for a telephone
    temperature: float | UnsetType = UNSET
    max_output_tokens: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    speech_config: SpeechConfig | UnsetType = UNSET
    thinking_config: ThinkingConfig | UnsetType = UNSET


class Function(_Message):
    name: Name
    description: Text | UnsetType = UNSET
    parameters: Raw | UnsetType = UNSET
    parameters_json_schema: Raw | UnsetType = UNSET
    behavior: Literal["BLOCKING", "NON_BLOCKING"] | UnsetType = UNSET


class Tool(_Message):
    function_declarations: Annotated[list[Function], Meta(max_length=512)]


class Detection(_Message):
    disabled: bool = False
    start_of_speech_sensitivity: (
        Literal["START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"] | UnsetType
    ) = UNSET
    end_of_speech_sensitivity: (
        Literal["END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"] | UnsetType
    ) = UNSET
    prefix_padding_ms: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    silence_duration_ms: Annotated[int, Meta(ge=0, le=60_000)] | UnsetType = UNSET


class RealtimeInputConfig(_Message):
    automatic_activity_detection: Detection = msgspec.field(default_factory=Detection)
    activity_handling: Literal["START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"] = (
        "START_OF_ACTIVITY_INTERRUPTS"
    )
    turn_coverage: Name | UnsetType = UNSET


class SessionResumption(_Message):
    handle: Name | UnsetType = UNSET


class SlidingWindow(_Message):
    target_tokens: int | UnsetType = UNSET


class Compression(_Message):
    sliding_window: SlidingWindow | UnsetType = UNSET
    trigger_tokens: int | UnsetType = UNSET


class Transcription(_Message):
    language_codes: list[Name] | UnsetType = UNSET
    custom_vocabulary: list[Name] | UnsetType = UNSET


class HistoryConfig(_Message):
    initial_history_in_client_content: bool = False


class Setup(_Message):
    model: Name
    generation_config: GenerationConfig
    system_instruction: Content | UnsetType = UNSET
    tools: list[Tool] | UnsetType = UNSET
    realtime_input_config: RealtimeInputConfig = msgspec.field(default_factory=RealtimeInputConfig)
    session_resumption: SessionResumption | UnsetType = UNSET
    context_window_compression: Compression | UnsetType = UNSET
    input_audio_transcription: Transcription | UnsetType = UNSET
    output_audio_transcription: Transcription | UnsetType = UNSET
    history_config: HistoryConfig = msgspec.field(default_factory=HistoryConfig)


class ClientContent(_Message):
    turns: Annotated[list[Content], Meta(max_length=MAX_TURNS)] | UnsetType = UNSET
    turn_complete: bool = False


class Blob(_Message):
    data: Annotated[str, Meta(max_length=MAX_AUDIO_CHARS)]
    mime_type: Name


class Activity(_Message):
    pass


class RealtimeInput(_Message):
    audio: Blob | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    activity_start: Activity | UnsetType = UNSET
    activity_end: Activity | UnsetType = UNSET
    audio_stream_end: bool | UnsetType = UNSET


class FunctionResponse(_Message):
    name: Name | UnsetType = UNSET
    id: Name | UnsetType = UNSET
    response: Raw | UnsetType = UNSET
    scheduling: Literal["INTERRUPT", "WHEN_IDLE", "SILENT"] | UnsetType = UNSET
    will_continue: bool | UnsetType = UNSET


class ToolResponse(_Message):
    function_responses: Annotated[list[FunctionResponse], Meta(max_length=128)]


class ClientMessage(_Message):
    setup: Setup | UnsetType = UNSET
    client_content: ClientContent | UnsetType = UNSET
    realtime_input: RealtimeInput | UnsetType = UNSET
    tool_response: ToolResponse | UnsetType = UNSET


_decoder = msgspec.json.Decoder(ClientMessage)


def decode(message: bytes | str) -> Setup | ClientContent | RealtimeInput | ToolResponse:
    """Raises ClientError."""
    try:
        decoded = _decode(message)
    except msgspec.ValidationError as error:
        raise ClientError("invalid_argument", f"Invalid JSON payload received. {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ClientError("invalid_argument", "Request is not JSON.") from None
    said = [
        part
        for part in (
            decoded.setup,
            decoded.client_content,
            decoded.realtime_input,
            decoded.tool_response,
        )
        if not isinstance(part, UnsetType)
    ]
    if len(said) != 1:
        raise ClientError("invalid_argument", "A message has exactly one field.")
    if len(message) > MAX_EVENT_BYTES and not isinstance(said[0], RealtimeInput):
        raise ClientError("invalid_argument", f"Message too large: {len(message)} bytes.")
    return said[0]


def _decode(message: bytes | str) -> ClientMessage:
    """Names may also be in the vendor's other style (`client_content`), as its own client has
    them."""
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError:
        content = msgspec.json.decode(message)
        return _decoder.decode(msgspec.json.encode(_camel(content)))


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: one if name in _THE_USERS else _camel(one)
        for name, one in ((_UNDERSCORE.sub(_upper, name), one) for name, one in value.items())
    }


def _upper(match: re.Match[str]) -> str:
    return match[1].upper()


def audio_of(blob: Blob) -> tuple[bytes, int]:
    """PCM and its rate. Raises ClientError."""
    kind, _, rate = blob.mime_type.partition(";rate=")
    if kind != "audio/pcm" or (rate and not rate.isdecimal()):
        raise ClientError("invalid_argument", f"Unsupported MIME type: {blob.mime_type[:80]}")
    try:
        audio = pybase64.b64decode(blob.data.translate(_URL_SAFE), validate=True)
    except ValueError:
        raise ClientError("invalid_argument", "Base64 decoding failed.") from None
    return audio, int(rate or 16_000)


class Outbox(Messages):
    """Each of our messages leaves in a binary frame."""

    __slots__ = ()

    def say(self, **content: Any) -> None:
        self.raw(Binary(self._encode(content)))

    def audio(self, audio: bytes, rate: int) -> None:
        data = pybase64.b64encode_as_string(audio)
        blob = {"mimeType": f"audio/pcm;rate={rate}", "data": data}
        turn = {"role": "model", "parts": [{"inlineData": blob}]}
        self.say(serverContent={"modelTurn": turn})
