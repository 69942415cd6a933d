"""From our settings to what OpenAI Realtime wants to hear: `session.update` and the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sipua.bridge.engines.base import PCM_RATE_HZ, EngineSettings

VENDOR_URL: Final = "wss://api.openai.com/v1/realtime"

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


def session_config(settings: EngineSettings) -> dict[str, Any]:
    """The `session` object of session.update."""
    pcm = {"type": "audio/pcm", "rate": PCM_RATE_HZ}
    output: dict[str, Any] = {"format": pcm}
    if settings.voice:
        output["voice"] = settings.voice
    if settings.speed is not None:
        output["speed"] = settings.speed
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "tools": list(settings.tools),
        "tool_choice": settings.tool_choice,
        "audio": {
            "input": {
                "format": pcm,
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
    return session


def endpoint(settings: EngineSettings) -> tuple[str, dict[str, str]]:
    """The websocket's address and the headers of the upgrade."""
    headers = dict(settings.headers)
    # Other hosts of this protocol take the key in a header of their own (`api-key`).
    if settings.api_key and not {"authorization", "api-key"} & {name.lower() for name in headers}:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    return _with_model(settings.url or VENDOR_URL, settings.model), headers


def _with_model(url: str, model: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # not an address: connecting says so
    if not model or "model" in dict(parse_qsl(parts.query)):
        return url
    query = "&".join(filter(None, (parts.query, urlencode({"model": model}))))
    return urlunsplit(parts._replace(query=query))
