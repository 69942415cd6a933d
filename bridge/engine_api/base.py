"""What the call sees of a speech engine: events out, a few requests in, nothing of its protocol.

An engine is a sans-IO protocol (`EngineProtocol`) behind the shared websocket
(`sipua.bridge.engine_link.websocket`). Adding one takes one file in this folder and one line in
`engines/__init__.py`. Audio is in the session's `AudioFormat`, the same one both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

PCM_RATE_HZ = 24_000


class AudioFormat(StrEnum):
    """What crosses the engine's websocket. The G.711 ones pass a call's audio through untouched."""

    PCM16 = "pcm16"
    """Little-endian, mono, 24 kHz."""
    PCMU = "pcmu"
    PCMA = "pcma"

    @property
    def bytes_per_ms(self) -> int:
        return PCM_RATE_HZ * 2 // 1000 if self is AudioFormat.PCM16 else 8


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The engine has accepted our configuration; audio may flow."""

    session_id: str
    restored: int = 0
    """Pieces of `EngineSettings.past` that the engine was told."""


@dataclass(frozen=True, slots=True)
class AudioDelta:
    item_id: str
    content_index: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class AudioDone:
    """No more audio will come for this item."""

    item_id: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak: what is still unplayed must go."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class CallerIdle:
    """Nobody has spoken for the engine's `idle_timeout_ms`; it speaks up by itself."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    response_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a piece of the conversation cost, in the units that vendors charge: tokens, seconds.

    The cached ones are a part of those in the field before them, as vendors count.
    """

    audio_in: int = 0
    audio_in_cached: int = 0
    audio_out: int = 0
    text_in: int = 0
    text_in_cached: int = 0
    text_out: int = 0
    seconds: float = 0.0
    """Of a session, for engines that charge time."""


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """`status` is completed, cancelled, failed or incomplete; `detail` says why if it failed."""

    response_id: str
    status: str
    detail: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """Usage that belongs to no response. What is told is told once: sums are the consumer's.

    `transcription` of the caller; time of the `session`; a `delegation`: the tokens of the model
    that an engine has its tools called by.
    """

    usage: Usage
    what: Literal["transcription", "session", "delegation"]
    engine: str = ""
    """Of a session that is not in use any more; empty: of the one that is."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A piece (`final` false) or the whole (`final` true) of what one side said."""

    item_id: str
    role: Literal["user", "assistant"]
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    """What the caller said in this item will stay unwritten."""

    item_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool to run now. Only given out once its response has completed."""

    call_id: str
    name: str
    arguments: str
    response_id: str


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that the engine runs by itself (MCP): for the record only."""

    item_id: str
    name: str
    status: Literal["started", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    name: str
    limit: int | None
    remaining: int | None
    reset_s: float | None


@dataclass(frozen=True, slots=True)
class RateLimits:
    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class EngineFault:
    """The engine complained. Unless `fatal`, the session goes on."""

    code: str
    message: str
    event_id: str | None = None
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The connection is gone and no further event will come."""

    code: int
    reason: str
    retryable: bool
    fault: bool = False
    """By an exception in our own code, which `reason` names; there is no code then."""

    @property
    def cause(self) -> str:
        if self.fault:
            return self.reason
        return f"connection lost: {self.code} {self.reason}".rstrip()


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that we have never heard of; counted and otherwise ignored."""

    type: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that could not be used, for the session's log: nobody else hears of it."""

    reason: str
    bytes: int


Event: TypeAlias = (
    SessionReady
    | AudioDelta
    | AudioDone
    | SpeechStarted
    | SpeechStopped
    | CallerIdle
    | ResponseStarted
    | ResponseDone
    | Used
    | Transcript
    | TranscriptFailed
    | ToolCall
    | ServerTool
    | RateLimits
    | EngineFault
    | EngineLost
    | Unknown
)


@dataclass(frozen=True, slots=True)
class PastMessage:
    """Something that was said before this session began, by whom."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class PastSpeech:
    """Something that the caller said, of which nothing but the sound is known."""

    mulaw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PastToolCall:
    call_id: str
    name: str
    arguments: str
    output: str | None
    """None: it still runs, and its result will come by `tool_result`."""


Past: TypeAlias = PastMessage | PastSpeech | PastToolCall


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do. The call asks here and never assumes."""

    speech_events: bool
    """It says when the caller begins and ends to speak."""
    truncate: bool
    cancel: bool
    tools: bool
    resume: bool = False
    """It can be told what was said before (`EngineSettings.past`)."""
    takes_turns: bool = True
    """It answers by itself when the caller has finished; else `speak` makes it answer."""
    formats: frozenset[AudioFormat] = frozenset({AudioFormat.PCM16})
    paced_by_input: bool = False
    """Its time is the audio that it is given. Where there is none, silence must take its place,
    or it neither speaks nor learns what it is told."""


SPEECH_AND_TOOLS = Capabilities(speech_events=True, truncate=True, cancel=True, tools=True)
"""What engines usually can."""


class EngineProtocol(Protocol):
    """One session with one engine, without I/O. Messages are whole websocket text messages."""

    name: str
    capabilities: Capabilities
    format: AudioFormat
    over: bool
    """It has said its last word: nothing is gained by waiting for more."""

    def start(self) -> Sequence[bytes]:
        """Messages to send as soon as the websocket is open."""

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        """Feed one message. Never raises: what cannot be read is counted and dropped."""

    def take_outgoing(self) -> Sequence[bytes]:
        """Messages that `receive` found necessary, to be sent now."""

    def append_audio(self, audio: bytes) -> bytes:
        """The message that carries a piece of the caller's audio, in `format`."""

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        """Make the engine speak without being spoken to: to greet, to go on, to explain itself.

        While it speaks already, the wish waits; what becomes of it leaves by `take_outgoing`.
        """

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        """Tell the engine how much of an item the caller has heard; drop the rest of it."""

    def cancel(self) -> Sequence[bytes]:
        """Stop the running response, unless there is none or the engine stops it by itself."""

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        """Answer a `ToolCall`; `respond` asks the engine to go on speaking."""

    def goodbye(self) -> Sequence[bytes]:
        """Messages to send before hanging up, after which the engine settles its accounts until
        it is `over`. None: it needs no goodbye."""

    def counters(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that configuration can say about an engine. Secrets stay out of `repr`."""

    url: str = field(default="", repr=False)
    """Empty: the vendor's."""
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    model: str = ""
    voice: str | Mapping[str, str] = ""
    instructions: str = ""
    turn_detection: Mapping[str, Any] | None = field(default_factory=dict)
    """None: off. Keys that are left out take the engine's usual values."""
    transcription: Mapping[str, Any] | None = None
    noise_reduction: Mapping[str, Any] | None = None
    speed: float | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    delegation_model: str = ""
    """Of an engine that has another model call its tools. Empty: the engine's usual one."""
    parallel_tool_calls: bool | None = None
    """None: as the model does by itself; not all models take an order."""
    reasoning_effort: str = ""
    """Empty: as the model does by itself; only for models that think."""
    max_output_tokens: int | Literal["inf"] | None = None
    audio: AudioFormat = AudioFormat.PCM16
    past: Sequence[Past] = field(default=(), repr=False)
    """The conversation so far, when a session continues another's."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A protocol ready for one session, and where to connect it."""

    protocol: EngineProtocol
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
