"""From our settings to what OpenAI Realtime wants to hear: `session.update` and the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sipua.bridge.engine_api.settings import PCM_RATE_HZ, AudioFormat, EngineSettings
from sipua.bridge.engines.openai.headers import upgrade_headers

SERVER_VAD: Final[Mapping[str, Any]] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}
# Of another kind of detection: its own keys are left to the server.
_TURNS: Final[Mapping[str, Any]] = {"create_response": True, "interrupt_response": True}


def turn_detection(configured: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was configured over the usual values; None turns the server's detection off."""
    if configured is None:
        return None
    usual = SERVER_VAD if configured.get("type", "server_vad") == "server_vad" else _TURNS
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
        "tools": [tool(one) for one in settings.tools],
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


def xai_session(settings: EngineSettings) -> dict[str, Any]:
    """GA's, but voice and turn detection stand at its top, and there is less of it."""
    session = session_config(settings)
    heard, spoken = session["audio"]["input"], session["audio"]["output"]
    session["turn_detection"] = heard.pop("turn_detection")
    if "voice" in spoken:
        session["voice"] = spoken.pop("voice")
    del heard["noise_reduction"], session["tool_choice"]
    for name in ("max_output_tokens", "parallel_tool_calls"):
        session.pop(name, None)
    if asked := settings.transcription:
        hint = {"language_hint": asked["language"]} if asked.get("language") else {}
        heard["transcription"] = {"model": asked["model"], **hint}
    return session


def tool(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_MCP_DEFAULTS, **one} if one.get("type") == "mcp" else one


def endpoint(settings: EngineSettings, usual_url: str) -> tuple[str, dict[str, str]]:
    """The websocket's address and the headers of the upgrade."""
    return _with_model(settings.url or usual_url, settings.model), upgrade_headers(settings)


def _with_model(url: str, model: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # not an address: connecting says so
    if not model or "model" in dict(parse_qsl(parts.query)):
        return url
    query = "&".join(filter(None, (parts.query, urlencode({"model": model}))))
    return urlunsplit(parts._replace(query=query))
