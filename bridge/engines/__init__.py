"""The engines that a call can end in: each has a folder here, and one entry below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sipua.bridge.engine_api.settings import OPENAI_FORMATS, AudioFormat
from sipua.bridge.engines.deepgram_agent import address as deepgram
from sipua.bridge.engines.elevenlabs_agent import address as elevenlabs
from sipua.bridge.engines.gemini_live import address as gemini
from sipua.bridge.engines.openai import addresses
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS, Dialect

if TYPE_CHECKING:
    from sipua.bridge.engine_api.protocol import Engine
    from sipua.bridge.engine_api.settings import EngineSettings

# An engine is imported when the first one is made: a check of the configuration needs no numpy.


def _openai_realtime(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.openai_realtime.protocol import realtime_engine  # noqa: PLC0415 - see above

    return realtime_engine(settings)


def _openai_live(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.openai_live.protocol import live_engine  # noqa: PLC0415 - see above

    return live_engine(settings)


def _gemini_live(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.gemini_live.protocol import gemini_engine  # noqa: PLC0415 - see above

    return gemini_engine(settings)


def _deepgram_agent(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.deepgram_agent.protocol import deepgram_engine  # noqa: PLC0415 - see above

    return deepgram_engine(settings)


def _elevenlabs_agent(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.elevenlabs_agent.protocol import elevenlabs_engine  # noqa: PLC0415 - see above

    return elevenlabs_engine(settings)


def _twilio_stream(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.twilio_stream.protocol import stream_engine  # noqa: PLC0415 - see above

    return stream_engine(settings)


def _asterisk_websocket(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.asterisk_websocket.protocol import websocket_engine  # noqa: PLC0415 - see above

    return websocket_engine(settings)


@dataclass(frozen=True, slots=True)
class EngineKind:
    create: Callable[[EngineSettings], Engine]
    model: str = ""
    """Its usual one, for settings that name none."""
    url: str = ""
    """The vendor's address. Empty: there is none that all of its customers have."""
    voice: str = ""
    """Its usual one, for settings that name none. Empty: the server's."""
    needs_key: bool = True
    key_variables: tuple[str, ...] = ("OPENAI_API_KEY",)
    """Of the environment, the first that is set: where its key is unless told otherwise."""
    mcp: bool = True
    """It calls the tools of MCP servers by itself."""
    local: str = ""
    """Path on the local agent's server, for kinds that end there unless told otherwise."""
    unused: frozenset[str] = frozenset()
    """Settings that do nothing, by their names in the configuration: `table.key` within one."""
    audio: AudioFormat = AudioFormat.PCM16
    """Its usual one, for settings that name none."""
    formats: frozenset[AudioFormat] = OPENAI_FORMATS
    writes_words: bool = False
    """It always writes down what the caller says; `transcription` may name another model for it."""
    tells_turns: bool = False
    """It says when the caller speaks, by a detection of its own that has no settings."""
    own_words: bool = False
    """It has a prompt and first words of its own. It is told `instructions` and `greeting` only
    where the configuration has them, and says the greeting as it is written."""
    connect_timeout_s: float = 5.0
    """What it is given to connect, unless the configuration says."""
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    """Of its protocol, by their names in the configuration."""

    def speaking(self, dialect: str) -> EngineKind:
        """The kind as it is in that dialect; the same where it has none."""
        spoken = self.dialects.get(dialect)
        if spoken is None:
            return self
        unused = self.unused | spoken.unused
        kind = replace(
            self, voice=spoken.voice, unused=unused, formats=spoken.formats, mcp=spoken.mcp
        )
        if not self.needs_key:  # it is ours, whatever it speaks
            return kind
        keys = (spoken.key_env,) if spoken.key_env else ()
        return replace(kind, url=spoken.url, model=spoken.model, key_variables=keys)

    @property
    def has_own_task(self) -> bool:
        """An agent of somebody's own: it cannot be given another task, with other tools."""
        return self.own_words or "instructions" in self.unused

    @property
    def transcribes(self) -> bool:
        """It always writes down what the caller says."""
        return self.writes_words or "transcription" in self.unused


_OF_TWILIO = frozenset({"account_sid", "parameters", "status_url"})

_NOT_OF_MODELS = _OF_TWILIO | {"agent_id", "control_message_format"}

_NOT_OF_LIVE = _NOT_OF_MODELS | frozenset(
    {
        "dialect",
        "echo_cancellation",
        "max_output_tokens",
        "noise_reduction",
        "speed",
        "transcription",
        "transcription_language",
        "transcription_prompt",
        "turn_detection",
    }
)

_NOT_OF_GEMINI = _NOT_OF_MODELS | frozenset(
    {
        "delegation_model",
        "noise_reduction",
        "parallel_tool_calls",
        "speed",
        "transcription",
        "turn_detection.idle_timeout_ms",
        "turn_detection.prefix_padding_ms",
        "voice_id",
    }
)

_GEMINI_HEARS = frozenset({AudioFormat.PCM16_16K, AudioFormat.PCM16_8K})
_NOT_OF_DEEPGRAM = _NOT_OF_MODELS | frozenset(
    {
        "delegation_model",
        "max_output_tokens",
        "noise_reduction",
        "parallel_tool_calls",
        "reasoning_effort",
        "spare_max_age_s",
        "spare_sessions",  # it ends a connection that is not configured
        "turn_detection",
        "voice_id",
    }
)

# An agent of its own: what it says, by which model and in which turns, is its business.
_NOT_OF_AGENTS = (_NOT_OF_LIVE - _NOT_OF_MODELS) | frozenset(
    {
        "delegation_model",
        "greeting",
        "instructions",
        "model",
        "parallel_tool_calls",
        "reasoning_effort",
        "spare_max_age_s",
        "spare_sessions",
        "tool_choice",
        "voice",
        "voice_id",
    }
)

_NOT_OF_ELEVENLABS = (
    (_NOT_OF_AGENTS - {"greeting", "instructions", "speed", "transcription_language", "voice_id"})
    | (_OF_TWILIO - {"parameters"})
    | {"audio", "control_message_format"}
)

# The local agent speaks the same protocols, so that what works against it works for real.
ENGINES: Mapping[str, EngineKind] = {
    "local": EngineKind(
        _openai_realtime,
        needs_key=False,
        local="/v1/realtime",
        unused=_NOT_OF_MODELS,
        dialects=DIALECTS,
    ),
    "local_live": EngineKind(
        _openai_live,
        voice="marin",
        needs_key=False,
        local="/v1/live/sessions",
        unused=_NOT_OF_LIVE,
    ),
    "local_gemini": EngineKind(
        _gemini_live,
        model="gemini-3.8-live",
        voice="",
        needs_key=False,
        mcp=False,
        audio=AudioFormat.PCM16_16K,
        formats=_GEMINI_HEARS,
        local="/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        unused=_NOT_OF_GEMINI,
    ),
    "openai_realtime": EngineKind(
        _openai_realtime, unused=_NOT_OF_MODELS | {"delegation_model"}, dialects=DIALECTS
    ),
    "openai_live": EngineKind(
        _openai_live,
        model="gpt-live-1.1",
        voice="marin",
        url=addresses.LIVE,
        unused=_NOT_OF_LIVE,
    ),
    "gemini_live": EngineKind(
        _gemini_live,
        model="gemini-3.8-live",
        url=gemini.ADDRESS,
        voice="",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        mcp=False,
        audio=AudioFormat.PCM16_16K,
        formats=_GEMINI_HEARS,
        unused=_NOT_OF_GEMINI,
    ),
    "deepgram_agent": EngineKind(
        _deepgram_agent,
        model="gpt-4o-mini",
        url=deepgram.ADDRESS,
        voice="aura-2-thalia-en",
        key_variables=("DEEPGRAM_API_KEY",),
        mcp=False,
        unused=_NOT_OF_DEEPGRAM,
        audio=AudioFormat.PCMU,
        formats=frozenset(AudioFormat),
        writes_words=True,
        tells_turns=True,
    ),
    "elevenlabs_agent": EngineKind(
        _elevenlabs_agent,
        url=elevenlabs.ADDRESS,
        voice="",
        key_variables=("ELEVENLABS_API_KEY",),
        mcp=False,
        unused=_NOT_OF_ELEVENLABS,
        audio=AudioFormat.PCMU,
        own_words=True,
    ),
    "twilio_stream": EngineKind(
        _twilio_stream,
        needs_key=False,  # an agent that checks no signature needs none
        unused=_NOT_OF_AGENTS | {"agent_id", "audio", "control_message_format"},
        audio=AudioFormat.PCMU,
        formats=frozenset({AudioFormat.PCMU}),
        connect_timeout_s=10.0,  # some accept when their own model is there
    ),
    "asterisk_websocket": EngineKind(
        _asterisk_websocket,
        needs_key=False,
        unused=_NOT_OF_AGENTS | {"account_sid", "agent_id", "status_url"},
        audio=AudioFormat.PCMU,
        formats=frozenset(AudioFormat),
        connect_timeout_s=10.0,
    ),
}


def create(kind: str, settings: EngineSettings) -> Engine:
    """A fresh engine for one session. An unknown kind raises ValueError."""
    try:
        entry = ENGINES[kind]
    except KeyError:
        raise ValueError(f"unknown engine {kind!r}: use one of {', '.join(ENGINES)}") from None
    entry = entry.speaking(settings.dialect or "ga")
    if not settings.model and entry.model:
        settings = replace(settings, model=entry.model)
    return entry.create(settings)
