"""What a call's bridge tells the call. An event has no time: it is of the moment it is delivered.

Three kinds travel the same way up: what the audio path saw (here), what became of the engine
(here), and what the engine said beyond audio (`sipua.bridge.engine_api.events`), passed on as it
came.

Of an item's audio there comes, in this order: AudioBegan (none for a sound of ours), AudioLeft, and
AudioPlayed or Interrupted; Interrupted without AudioLeft if it was cut before its first packet. Who
hears AudioLeft or AudioPlayed may ask the bridge for anything: the sender's step is over, and what
that causes is told behind it (`sipua.bridge.playout.sender`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.bridge.engine_api.events import (
    CallerIdle,
    DropAudio,
    EngineFault,
    EngineHangsUp,
    PlayoutMark,
    RateLimits,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    TranscriptFailed,
    Unknown,
    Used,
)
from sipua.bridge.engine_api.protocol import SPEECH_AND_TOOLS, Capabilities
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.rtp.events import Address, Dtmf, LossReported, PacketsRefused

LOCAL = "local:"
"""What the ids of items begin with that no engine has said."""

# The audio path


@dataclass(frozen=True, slots=True)
class AudioBegan:
    """The first piece of an item's audio came from the engine."""

    item_id: str


@dataclass(frozen=True, slots=True)
class AudioLeft:
    """An item's first packet is on the wire."""

    item_id: str


@dataclass(frozen=True, slots=True)
class AudioPlayed:
    """An item's last packet is on the wire: the caller has heard it to its end."""

    item_id: str
    played_ms: int = 0
    """Of its audio; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class MarkReached:
    """All audio before a mark of the engine's (`PlayoutMark`) has left; not `played`: dropped."""

    name: str
    played: bool


PlayoutNews: TypeAlias = AudioLeft | AudioPlayed | MarkReached
"""What the sender tells. Of a mark only the engine hears."""

InterruptedBy: TypeAlias = Literal["caller", "operator", "transfer", "agent"]


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller spoke, an operator or the agent wanted it, or the caller is being put through, and
    the rest of an item was dropped."""

    item_id: str
    played_ms: int
    dropped_ms: int = 0
    by: InterruptedBy = "caller"


@dataclass(frozen=True, slots=True)
class SourceMoved:
    address: Address
    rank: int


@dataclass(frozen=True, slots=True)
class PeerSilent:
    idle_s: float
    why: str = ""
    """Of a peer with which no keys are agreed on."""

    def __str__(self) -> str:
        return f"no RTP from the peer for {self.idle_s:.0f} s{f': {self.why}' if self.why else ''}"


# What we told the engine


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """A tool's result is on its way to the engine."""

    call_id: str
    outcome: str = ""
    """In a word, for the record: ok, error, timeout. Empty: not known."""


# The engine


@dataclass(frozen=True, slots=True)
class EngineInUse:
    """From now on the call talks with this session. `gap_ms`: how long it had none."""

    engine: str
    format: AudioFormat
    """Of what it says."""
    session_id: str
    why: Literal["first", "reconnected", "fallback", "rotated"]
    gap_ms: int = 0
    restored: int = 0
    """Pieces of the conversation so far that it was told."""
    capabilities: Capabilities = SPEECH_AND_TOOLS
    caught_up_ms: int = 0
    """Of the caller's audio that it was given at once: its clock begins there."""
    speaks: bool = False
    """It was asked to speak: whatever fills the silence may go on until its first audio."""
    hears: AudioFormat | None = None
    """None: the same."""
    connect_ms: int | None = None
    """None: it was connected before it was needed."""


@dataclass(frozen=True, slots=True)
class EngineOutage:
    """There is no session at the moment; another one is being made."""

    engine: str
    cause: str


@dataclass(frozen=True, slots=True)
class EngineGone:
    """There will be no other session: what is configured for that has to happen now."""

    engine: str
    cause: str


@dataclass(frozen=True, slots=True)
class ModelSilent:
    """It was its turn and it said nothing for so long; what is done about it.

    `waiting`: nothing yet, but the caller should hear that the line is alive.
    """

    waited_ms: int
    action: Literal["waiting", "nudged", "reconnecting"]


EngineNews: TypeAlias = EngineInUse | EngineOutage | EngineGone | ModelSilent

EngineTalk: TypeAlias = (
    SpeechStarted
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
    | Unknown
    | DropAudio
    | PlayoutMark
    | EngineHangsUp
)

BridgeEvent: TypeAlias = (
    AudioBegan
    | AudioLeft
    | AudioPlayed
    | Interrupted
    | SourceMoved
    | PeerSilent
    | LossReported
    | PacketsRefused
    | Dtmf
    | ToolAnswered
    | EngineNews
    | EngineTalk
)
