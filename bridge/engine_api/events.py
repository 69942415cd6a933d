"""What an engine says: one event for each thing that the call must know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


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
    """Neither side has spoken for the engine's `idle_timeout_ms`; it speaks up by itself."""

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
    that an engine has its tools called by; a `briefing`: the talk with the target of a transfer.
    """

    usage: Usage
    what: Literal["transcription", "session", "delegation", "briefing"]
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
    tentative: bool = False
    """Before the session is ready: it may take our configuration all the same."""


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
    """A message that could not be used, for the session's log only."""

    reason: str
    bytes: int


# Of engines that are more than a model: an agent behind a protocol of telephony, or one that names
# its sessions.


@dataclass(frozen=True, slots=True)
class DropAudio:
    """An order: what is not played yet must go, whoever speaks."""


@dataclass(frozen=True, slots=True)
class PlayoutMark:
    """The engine wants to hear when all audio before this has been played (`marked`)."""

    name: str


@dataclass(frozen=True, slots=True)
class EngineHangsUp:
    """The agent behind the protocol ends the call, or is done with it."""

    detail: str


@dataclass(frozen=True, slots=True)
class SessionHandle:
    """By this name the next session can go on with this one; empty: it cannot at the moment."""

    handle: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """The engine will end the session so soon: another one must take its place."""

    within_s: float


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
    | DropAudio
    | PlayoutMark
    | EngineHangsUp
    | SessionHandle
    | SessionEnds
)
