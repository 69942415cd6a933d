"""What an engine is told before a session: audio format, configuration, the conversation so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

PCM_RATE_HZ = 24_000


class AudioFormat(StrEnum):
    """What crosses the engine's websocket. The G.711 ones pass a call's audio through untouched."""

    PCM16 = "pcm16"
    """Little-endian, mono, 24 kHz."""
    PCM16_16K = "pcm16_16k"
    """The same at 16 kHz."""
    PCM16_8K = "pcm16_8k"
    """The same at 8 kHz, as the telephone has it: nothing is resampled."""
    PCMU = "pcmu"
    PCMA = "pcma"

    @property
    def is_g711(self) -> bool:
        return self in (AudioFormat.PCMU, AudioFormat.PCMA)

    @property
    def rate_hz(self) -> int:
        return _RATES_HZ.get(self, 8000)

    @property
    def bytes_per_ms(self) -> int:
        return self.rate_hz * (1 if self.is_g711 else 2) // 1000


_RATES_HZ = {AudioFormat.PCM16: PCM_RATE_HZ, AudioFormat.PCM16_16K: 16_000}

OPENAI_FORMATS = frozenset({AudioFormat.PCM16, AudioFormat.PCMU, AudioFormat.PCMA})
"""Those of OpenAI's protocols, and of the local agent."""


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """What an agent behind a telephony protocol is told of the call."""

    call_id: str
    from_number: str = ""
    to_number: str = ""
    direction: Literal["incoming", "outgoing"] = "incoming"
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The user's own, from the configuration and the call's metadata."""


InjectedRole: TypeAlias = Literal["user", "system"]
"""Of a text that no side has said: as if the caller had, or as an order to the model."""

CALLER_WRITES = "The caller writes: "
"""Before a text of the role `user`, where a protocol has no place of its own for it."""


@dataclass(frozen=True, slots=True)
class PastMessage:
    """Something that was said, or injected, before this session began."""

    role: Literal["user", "assistant", "system"]
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
class EngineSettings:
    """Everything that configuration can say about an engine. Secrets stay out of `repr`."""

    url: str = field(default="", repr=False)
    """Empty: the vendor's."""
    api_key: str = field(default="", repr=False)
    key_header: str = ""
    """That carries the key. Empty: `Authorization: Bearer`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    dialect: str = ""
    """Of an engine whose protocol has several. Empty: the vendor's own."""
    model: str = ""
    voice: str | Mapping[str, str] = ""
    instructions: str = ""
    turn_detection: Mapping[str, Any] | None = field(default_factory=dict)
    """None: off. Keys that are left out take the engine's usual values."""
    transcription: Mapping[str, Any] | None = None
    noise_reduction: Mapping[str, Any] | None = None
    echo_cancellation: bool = False
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
    handle: str = field(default="", repr=False)
    """What the engine has called the session before this one (`SessionHandle`), to go on with it;
    then `past` is empty. Empty: a session of its own."""
    call: CallIdentity | None = None
    """For engines that are told of the call; None: of no call."""
    control_messages: Literal["plain-text", "json"] = "plain-text"
    """Of Asterisk's protocol: how its events are written."""
    agent_id: str = ""
    """Of an agent that is configured at the vendor."""
    greeting: str = ""
    """For such an agent: its first words, in the place of its own. All others are asked."""
    account_sid: str = ""
    """Of the account that agents behind Twilio's protocols are told. Empty: the usual one."""
    on_stream: Callable[[Mapping[str, str]], None] | None = field(default=None, repr=False)
    """Is told, as a form, when a stream of Twilio's begins and ends. It does not wait."""
