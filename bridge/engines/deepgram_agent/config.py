"""From our settings to what a Voice Agent wants to hear: `Settings`, the past, the address.

Three models make one agent: one that listens (`transcription`), one that thinks (`model`), one
that speaks (`voice`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    Past,
    PastMessage,
    PastToolCall,
)
from sipua.bridge.engines.deepgram_agent.address import ADDRESS

DEFAULT_MODEL: Final = "gpt-4o-mini"
DEFAULT_VOICE: Final = "aura-2-thalia-en"
LISTENS_TO_ENGLISH: Final = "flux-general-en"
LISTENS_TO_OTHERS: Final = "flux-general-multi"

FORMATS: Final = {
    AudioFormat.PCM16: ("linear16", 24_000),
    AudioFormat.PCM16_16K: ("linear16", 16_000),
    AudioFormat.PCM16_8K: ("linear16", 8_000),
    AudioFormat.PCMU: ("mulaw", 8_000),
    AudioFormat.PCMA: ("alaw", 8_000),
}

MAX_PAST_MESSAGES: Final = 128
MAX_PAST_CHARS: Final = 16_384
MAX_KEYTERMS: Final = 100

# Whose language models the vendor calls for us. The first is meant where `model` names none.
_THINKERS: Final = ("open_ai", "anthropic", "google", "groq", "aws_bedrock", "deepgram")


def session_settings(settings: EngineSettings) -> dict[str, Any]:
    """The fields of `Settings`. The vendor refuses it whole for a value that it does not know."""
    encoding, rate_hz = FORMATS[settings.audio]
    audio = {"encoding": encoding, "sample_rate": rate_hz}
    agent: dict[str, Any] = {
        "listen": {"provider": _listen(settings.transcription or {})},
        "think": _think(settings),
        "speak": {"provider": _speak(settings)},
    }
    if messages := history(settings.past):
        agent["context"] = {"messages": messages}
    # Without a container: the header of a WAV file would be heard as a click.
    return {"audio": {"input": audio, "output": {**audio, "container": "none"}}, "agent": agent}


def _listen(transcription: Mapping[str, Any]) -> dict[str, Any]:
    language = str(transcription.get("language", ""))
    english = not language or language.partition("-")[0] == "en"
    model = transcription.get("model") or (LISTENS_TO_ENGLISH if english else LISTENS_TO_OTHERS)
    turns = str(model).startswith("flux")
    provider: dict[str, Any] = {
        "type": "deepgram",
        "version": "v2" if turns else "v1",
        "model": model,
    }
    if language and not turns:
        provider["language"] = language
    elif language and model == LISTENS_TO_OTHERS:
        provider["language_hints"] = [language]
    expected = [word.strip() for word in str(transcription.get("prompt", "")).split(",")]
    if keyterms := [word for word in expected if word][:MAX_KEYTERMS]:
        provider["keyterms"] = keyterms
    return provider


def _think(settings: EngineSettings) -> dict[str, Any]:
    thinker, slash, model = (settings.model or DEFAULT_MODEL).partition("/")
    if not slash or thinker not in _THINKERS:
        thinker, model = _THINKERS[0], settings.model or DEFAULT_MODEL
    think: dict[str, Any] = {"provider": {"type": thinker, "model": model}}
    if settings.instructions:
        think["prompt"] = settings.instructions
    if functions := declared(settings):
        think["functions"] = functions
    return think


def _speak(settings: EngineSettings) -> dict[str, Any]:
    voice = settings.voice if isinstance(settings.voice, str) else ""
    provider: dict[str, Any] = {"type": "deepgram", "model": voice or DEFAULT_VOICE}
    if settings.speed is not None:
        provider["speed"] = settings.speed
    return provider


def declared(settings: EngineSettings) -> list[dict[str, Any]]:
    """The tools that we run; those of MCP servers are not called."""
    if settings.tool_choice == "none":
        return []
    return [
        # A speculative call may be cancelled, but what a tool has done stays done.
        {
            **{name: tool[name] for name in ("name", "description", "parameters") if name in tool},
            "defer_until_eot": True,
        }
        for tool in settings.tools
        if tool.get("type") == "function"
    ]


def history(past: Sequence[Past]) -> list[dict[str, Any]]:
    """The conversation so far: the newest of it that there is room for."""
    kept: list[dict[str, Any]] = []
    room = MAX_PAST_CHARS
    for piece in reversed(past):
        told, size = _told(piece)
        room -= size
        if len(kept) == MAX_PAST_MESSAGES or room < 0:
            break  # a beginning that is missing is understood, a hole in the middle is not
        if size:
            kept.append({"type": "History", **told})
    kept.reverse()
    return kept


def _told(piece: Past) -> tuple[dict[str, Any], int]:
    """A message of the history, and its length."""
    if isinstance(piece, PastToolCall) and piece.output is not None:
        call = {
            "id": piece.call_id,
            "name": piece.name,
            "client_side": True,
            "arguments": piece.arguments,
            "response": piece.output,
        }
        size = len(piece.arguments) + len(piece.output) + len(piece.name)
        return {"function_calls": [call]}, size
    if isinstance(piece, PastToolCall):
        running = f"[The tool {piece.name} was called with {piece.arguments} and is still running.]"
        return {"role": "user", "content": running}, len(running)
    if isinstance(piece, PastMessage):
        # There are two roles: an order to the model is in brackets.
        text = f"[{piece.text}]" if piece.role == "system" else piece.text
        role = "assistant" if piece.role == "assistant" else "user"
        return {"role": role, "content": text}, len(text)
    unwritten = "[The caller said something here that was not written down.]"
    return {"role": "user", "content": unwritten}, len(unwritten)


def endpoint(settings: EngineSettings) -> tuple[str, dict[str, str]]:
    """The websocket's address and the headers of the upgrade."""
    headers = dict(settings.headers)
    if settings.api_key and "authorization" not in {name.lower() for name in headers}:
        headers["Authorization"] = f"Token {settings.api_key}"
    return settings.url or ADDRESS, headers
