"""`session.update` of the dialects whose session is flat: the beta's, and its descendants'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sipua.bridge.engine_api.settings import PCM_RATE_HZ, AudioFormat, EngineSettings
from sipua.bridge.engines.openai_realtime.config import tool, turn_detection

_FORMATS: Final[Mapping[AudioFormat, str]] = {
    AudioFormat.PCM16: "pcm16",
    AudioFormat.PCMU: "g711_ulaw",
    AudioFormat.PCMA: "g711_alaw",
}

# Qwen hears 16 kHz and speaks 24 kHz by itself; newer models are told the rate.
_QWEN_FORMAT: Final = {"type": "pcm", "sample_rate": PCM_RATE_HZ}

# What Qwen does by itself; it is not known to take the order.
_USUAL_TURNS: Final = frozenset({"create_response", "interrupt_response"})


def beta_session(settings: EngineSettings) -> dict[str, Any]:
    session = _flat(settings) | {
        "input_audio_format": _FORMATS[settings.audio],
        "output_audio_format": _FORMATS[settings.audio],
        "tools": [one for one in settings.tools if one.get("type") != "mcp"],
        "tool_choice": _nested_choice(settings.tool_choice),
    }
    if settings.voice:
        session["voice"] = settings.voice
    if settings.noise_reduction:
        session["input_audio_noise_reduction"] = settings.noise_reduction
    if settings.speed is not None:
        session["speed"] = settings.speed
    if settings.max_output_tokens is not None:
        session["max_response_output_tokens"] = settings.max_output_tokens
    return session


def voice_live_session(settings: EngineSettings) -> dict[str, Any]:
    session = _flat(settings, "prompt") | {
        "input_audio_format": _FORMATS[settings.audio],
        "output_audio_format": _FORMATS[settings.audio],
        "tools": [tool(one) for one in settings.tools],
        "tool_choice": settings.tool_choice,
    }
    if settings.audio is AudioFormat.PCM16:
        session["input_audio_sampling_rate"] = PCM_RATE_HZ
    if isinstance(settings.voice, str) and settings.voice:
        session["voice"] = _voice_live_voice(settings.voice)
    elif settings.voice:
        session["voice"] = settings.voice
    if settings.noise_reduction:
        session["input_audio_noise_reduction"] = settings.noise_reduction
    if settings.echo_cancellation:
        session["input_audio_echo_cancellation"] = {"type": "server_echo_cancellation"}
    if settings.parallel_tool_calls is not None:
        session["parallel_tool_calls"] = settings.parallel_tool_calls
    if settings.reasoning_effort:
        session["reasoning_effort"] = settings.reasoning_effort
    if settings.max_output_tokens is not None:
        session["max_response_output_tokens"] = settings.max_output_tokens
    return session


def _voice_live_voice(name: str) -> dict[str, str]:
    """Azure's names begin with the locale (`de-AT-IngridNeural`), those of OpenAI are one word."""
    return {"type": "azure-standard" if "-" in name else "openai", "name": name}


def qwen_session(settings: EngineSettings) -> dict[str, Any]:
    session = _flat(settings, "language", "prompt") | {
        "audio": {"input": {"format": _QWEN_FORMAT}, "output": {"format": _QWEN_FORMAT}},
        "tools": [_nested(one) for one in settings.tools if one.get("type") == "function"],
    }
    if detection := session["turn_detection"]:
        session["turn_detection"] = {
            name: value
            for name, value in detection.items()
            if name not in _USUAL_TURNS or not value
        }
    if settings.voice:
        session["voice"] = settings.voice
    if isinstance(settings.max_output_tokens, int):
        session["max_tokens"] = settings.max_output_tokens
    return session


def _nested_choice(choice: str | Mapping[str, Any]) -> str | dict[str, Any]:
    if isinstance(choice, str):
        return choice
    return _nested(choice) if choice.get("type") == "function" else "auto"


def _nested(one: Mapping[str, Any]) -> dict[str, Any]:
    """A function as in chat completions."""
    return {"type": "function", "function": _without(one, "type")}


def _flat(settings: EngineSettings, *left_out: str) -> dict[str, Any]:
    """`left_out`: what its transcription does not have. None is what all do by themselves."""
    session: dict[str, Any] = {
        "modalities": ["audio", "text"],
        "turn_detection": _without(turn_detection(settings.turn_detection), "idle_timeout_ms"),
    }
    if settings.transcription:
        session["input_audio_transcription"] = _without(settings.transcription, *left_out)
    if settings.instructions:
        session["instructions"] = settings.instructions
    return session


def _without(part: Mapping[str, Any] | None, *names: str) -> dict[str, Any] | None:
    return None if part is None else {k: v for k, v in part.items() if k not in names}
