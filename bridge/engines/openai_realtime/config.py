"""From our settings to what OpenAI Realtime wants to hear: `session.update` and the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sipua.bridge.engine_api.settings import PCM_RATE_HZ, AudioFormat, EngineSettings
from sipua.bridge.engines.openai import addresses
from sipua.bridge.engines.openai.headers import upgrade_headers

SERVER_VAD: Final[Mapping[str, Any]] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD: Final[Mapping[str, Any]] = {
    "type": "semantic_vad",
    "create_response": True,
    "interrupt_response": True,
}


def turn_detection(configured: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was configured over the usual values; None turns the server's detection off."""
    if configured is None:
        return None
    usual = SEMANTIC_VAD if configured.get("type") == "semantic_vad" else SERVER_VAD
    return {**usual, **configured}


# A caller cannot approve a call to an MCP server: a server that is configured is approved.
_MCP_DEFAULTS: Final = {"require_approval": "never"}

_FORMATS: Final[Mapping[AudioFormat, Mapping[str, Any]]] = {
    AudioFormat.PCM16: {"type": "audio/pcm", "rate": PCM_RATE_HZ},
    AudioFormat.PCMU: {"type": "audio/pcmu"},
    AudioFormat.PCMA: {"type": "audio/pcma"},
}


def session_config(settings: EngineSettings) -> dict[str, Any]:
    """The `session` object of session.update."""
    audio = _FORMATS[settings.audio]
    output: dict[str, Any] = {"format": audio}
    if settings.voice:
        output["voice"] = settings.voice
    if settings.speed is not None:
        output["speed"] = settings.speed
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "tools": [_tool(tool) for tool in settings.tools],
        "tool_choice": settings.tool_choice,
        "audio": {
            "input": {
                "format": audio,
                "transcription": settings.transcription,
                "noise_reduction": settings.noise_reduction,
                "turn_detection": turn_detection(settings.turn_detection),
            },
            "output": output,
        },
    }
    if settings.instructions:  # an empty text would erase the server's default
        session["instructions"] = settings.instructions
    if settings.max_output_tokens is not None:
        session["max_output_tokens"] = settings.max_output_tokens
    if settings.parallel_tool_calls is not None:
        session["parallel_tool_calls"] = settings.parallel_tool_calls
    if settings.reasoning_effort:
        session["reasoning"] = {"effort": settings.reasoning_effort}
    return session


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_MCP_DEFAULTS, **tool} if tool.get("type") == "mcp" else tool


def endpoint(settings: EngineSettings) -> tuple[str, dict[str, str]]:
    """The websocket's address and the headers of the upgrade."""
    return _with_model(settings.url or addresses.REALTIME, settings.model), upgrade_headers(
        settings
    )


def _with_model(url: str, model: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # not an address: connecting says so
    if not model or "model" in dict(parse_qsl(parts.query)):
        return url
    query = "&".join(filter(None, (parts.query, urlencode({"model": model}))))
    return urlunsplit(parts._replace(query=query))
