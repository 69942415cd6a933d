"""The dialects of OpenAI Realtime: servers that mean the same, and differ in what stands here.

One row for each; the engine asks the row, and nothing else knows of dialects. It needs no numpy, so
that a check of the configuration can read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sipua.bridge.engine_api.settings import OPENAI_FORMATS, AudioFormat, EngineSettings
from sipua.bridge.engines.openai import addresses
from sipua.bridge.engines.openai_realtime import flat, vocabulary
from sipua.bridge.engines.openai_realtime.config import session_config, xai_session
from sipua.bridge.engines.openai_realtime.vocabulary import Vocabulary

_OPENAI_TURNS: Final = frozenset({"server_vad", "semantic_vad", "none"})
_AZURE_TURNS: Final = frozenset(
    {"server_vad", "azure_semantic_vad", "azure_semantic_vad_multilingual", "none"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    # What the configuration is checked by

    url: str = ""
    """The vendor's address. Empty: each customer has one of his own."""
    model: str = ""
    voice: str = ""
    key_env: str = ""
    """The environment variable that usually holds the vendor's key."""
    key_header: str = ""
    """Of a key that is no token. Empty: `Authorization: Bearer`."""
    needs_model: bool = False
    turns: frozenset[str] = _OPENAI_TURNS
    """Kinds of turn detection."""
    formats: frozenset[AudioFormat] = OPENAI_FORMATS
    mcp: bool = True
    """The server calls MCP servers."""
    unused: frozenset[str] = frozenset()
    """Settings that do nothing, by their names in the configuration."""

    # What the engine goes by

    vocabulary: Vocabulary
    session: Callable[[EngineSettings], dict[str, Any]]
    """The `session` object of session.update."""
    strict: bool = False
    """It says `session.created` first, and what it answers with an error it has refused. Others may
    never say it, complain, and take the rest of our configuration."""
    assistant_text: Literal["output_text", "text"] = "text"
    """The type of text that the assistant has said."""
    truncates: bool = True
    """It can be told how much of an item was heard."""
    declines_with_reason: bool = True
    """It takes a reason with a call of an MCP server that is not approved."""
    goodbye: str = ""
    """The event that ends a session and is answered. Empty: it takes a closed connection for it."""


# Of keys that only some of them have.
_VOICE_LIVE_ONLY: Final = frozenset({"echo_cancellation", "turn_detection.remove_filler_words"})

DIALECTS: Final[Mapping[str, Dialect]] = {
    "ga": Dialect(
        url=addresses.REALTIME,
        model="gpt-realtime-2.1",
        voice="marin",
        key_env="OPENAI_API_KEY",
        unused=_VOICE_LIVE_ONLY,
        vocabulary=vocabulary.GA,
        session=session_config,
        strict=True,
        assistant_text="output_text",
    ),
    "beta": Dialect(
        mcp=False,
        unused=_VOICE_LIVE_ONLY
        | {"parallel_tool_calls", "reasoning_effort", "turn_detection.idle_timeout_ms"},
        vocabulary=vocabulary.BETA,
        session=flat.beta_session,
    ),
    "xai": Dialect(
        url="wss://api.x.ai/v1/realtime",
        model="grok-voice-latest",
        voice="eve",
        key_env="XAI_API_KEY",
        turns=frozenset({"server_vad", "none"}),
        unused=_VOICE_LIVE_ONLY
        | {
            "max_output_tokens",
            "noise_reduction",
            "parallel_tool_calls",
            "tool_choice",
            "transcription_prompt",
        },
        vocabulary=vocabulary.XAI,
        session=xai_session,
        assistant_text="output_text",
    ),
    "azure_voice_live": Dialect(
        key_env="AZURE_VOICELIVE_API_KEY",
        key_header="api-key",
        needs_model=True,
        turns=_AZURE_TURNS,
        unused=frozenset({"speed", "transcription_prompt", "turn_detection.idle_timeout_ms"}),
        declines_with_reason=False,
        vocabulary=vocabulary.VOICE_LIVE,
        session=flat.voice_live_session,
    ),
    "qwen": Dialect(
        url="wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime",
        model="qwen3.5-omni-flash-realtime",
        key_env="DASHSCOPE_API_KEY",
        turns=frozenset({"server_vad", "none"}),
        formats=frozenset({AudioFormat.PCM16}),
        mcp=False,
        unused=_VOICE_LIVE_ONLY
        | {
            "noise_reduction",
            "parallel_tool_calls",
            "reasoning_effort",
            "speed",
            "tool_choice",
            "transcription_language",
            "transcription_prompt",
            "turn_detection.idle_timeout_ms",
        },
        vocabulary=vocabulary.QWEN,
        session=flat.qwen_session,
        truncates=False,
        goodbye="session.finish",
    ),
}


def dialect(name: str) -> Dialect:
    """Empty: the vendor's own. An unknown one raises ValueError."""
    try:
        return DIALECTS[name or "ga"]
    except KeyError:
        raise ValueError(f"unknown dialect {name!r}: use one of {', '.join(DIALECTS)}") from None
