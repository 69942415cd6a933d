"""From a section of an engine to the engine's settings."""

from __future__ import annotations

from typing import Any

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.config.sections.engine import EngineSection, TurnDetectionSection

# The kinds of turn detection have keys of their own; the others' would be refused.
_COMMON = ("type", "create_response", "interrupt_response")
_BY_SILENCE = ("threshold", "prefix_padding_ms", "silence_duration_ms")
_OWN = {
    "server_vad": _BY_SILENCE,
    "semantic_vad": ("eagerness",),
    "azure_semantic_vad": (*_BY_SILENCE, "remove_filler_words"),
    "azure_semantic_vad_multilingual": (*_BY_SILENCE, "remove_filler_words"),
}


def engine_options(engine: EngineSection) -> dict[str, Any]:
    """Fields of EngineSettings, without address, key, texts and tools."""
    return {
        "dialect": engine.dialect,
        "key_header": engine.key_header,
        "model": engine.model,
        "voice": {"id": engine.voice_id} if engine.voice_id else engine.voice or engine.kind.voice,
        "audio": AudioFormat(engine.audio or engine.kind.audio),
        "turn_detection": _turn_detection(engine.turn_detection),
        "transcription": _transcription(engine),
        "noise_reduction": {"type": engine.noise_reduction} if engine.noise_reduction else None,
        "echo_cancellation": engine.echo_cancellation,
        "speed": None if engine.speed == 1.0 else engine.speed,
        "max_output_tokens": engine.max_output_tokens or None,
        "tool_choice": _tool_choice(engine.tool_choice),
        "parallel_tool_calls": {"auto": None, "on": True, "off": False}[engine.parallel_tool_calls],
        "reasoning_effort": engine.reasoning_effort,
        "delegation_model": engine.delegation_model,
        "control_messages": engine.control_message_format,
        "agent_id": engine.agent_id,
        "account_sid": engine.account_sid,
    }


def _turn_detection(section: TurnDetectionSection) -> dict[str, Any] | None:
    if section.type == "none":
        return None
    keys = {name: getattr(section, name) for name in (*_COMMON, *_OWN[section.type])}
    if section.type == "server_vad" and section.idle_timeout_ms:
        keys["idle_timeout_ms"] = section.idle_timeout_ms
    return keys


def _transcription(engine: EngineSection) -> dict[str, str] | None:
    if not engine.transcription and not engine.kind.transcribes:
        return None
    fields = {
        "model": engine.transcription,
        "language": engine.transcription_language,
        "prompt": engine.transcription_prompt,
    }
    return {name: value for name, value in fields.items() if value}


def _tool_choice(text: str) -> str | dict[str, str]:
    if text in ("auto", "none", "required"):
        return text
    if text.startswith("mcp:"):
        label, _, name = text.removeprefix("mcp:").partition("/")
        choice = {"type": "mcp", "server_label": label}
        return choice | {"name": name} if name else choice
    return {"type": "function", "name": text}
