"""What an engine is told before a session: audio format, configuration, the conversation so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

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


InjectedRole: TypeAlias = Literal["user", "system"]
"""Of a text that no side has said: as if the caller had, or as an order to the model."""


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
