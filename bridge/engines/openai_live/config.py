"""From our settings to what OpenAI Live wants to hear: `session.start`, appended text, the address.

Its limits are in tokens, which we cannot count. `tokens_at_most` errs on the safe side for
human language: two ASCII characters, or one byte of anything else, may be a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    Past,
    PastMessage,
    PastToolCall,
)
from sipua.bridge.engines.openai import addresses
from sipua.bridge.engines.openai.headers import upgrade_headers

DEFAULT_MODEL: Final = "gpt-live-1.1"
DEFAULT_DELEGATION_MODEL: Final = "gpt-6-luna"

MAX_APPEND_TOKENS: Final = 500
MAX_APPENDS: Final = 16  # of one text; the rest is lost
MAX_PAST_MESSAGES: Final = 128
MAX_PAST_TOKENS: Final = 8192

WIRE_FORMATS: Final = {
    AudioFormat.PCM16: {"type": "audio/pcm", "rate": 24_000},
    AudioFormat.PCMU: {"type": "audio/pcmu", "rate": 8_000},
    AudioFormat.PCMA: {"type": "audio/pcma", "rate": 8_000},
}

# Without it the voice does not know that it can delegate.
DELEGATE: Final = (
    "Tools can be used for you: delegate whatever they are needed for, say that you are checking, "
    "and never guess what comes back."
)


def session_config(settings: EngineSettings) -> dict[str, Any]:
    """The `session` object of session.start. The vendor refuses fields that it does not know."""
    audio: dict[str, Any] = {"format": WIRE_FORMATS[settings.audio]}
    if settings.voice:
        audio["output"] = {"voice": settings.voice}
    session: dict[str, Any] = {"model": settings.model or DEFAULT_MODEL, "audio": audio}
    instructions = settings.instructions
    if settings.tools:
        session["delegation"] = {"type": "responses", "responses": _backend(settings)}
        instructions = "\n\n".join(filter(None, (instructions, DELEGATE)))
    else:
        session["delegation"] = {"type": "client"}
    if instructions:
        session["instructions"] = instructions
    if past := history(settings.past):
        session["input"] = past
    return session


def _backend(settings: EngineSettings) -> dict[str, Any]:
    backend: dict[str, Any] = {
        "model": settings.delegation_model or DEFAULT_DELEGATION_MODEL,
        "tools": list(settings.tools),
        "tool_choice": settings.tool_choice,
    }
    if settings.instructions:
        backend["instructions"] = settings.instructions
    if settings.parallel_tool_calls is not None:
        backend["parallel_tool_calls"] = settings.parallel_tool_calls
    if settings.reasoning_effort:
        backend["reasoning"] = {"effort": settings.reasoning_effort}
    return backend


def history(past: Sequence[Past]) -> list[dict[str, Any]]:
    """The conversation so far, as text: the newest of it that the session has room for."""
    kept: list[dict[str, Any]] = []
    tokens = 0
    for piece in reversed(past):
        role, text = _told(piece)
        if not text:
            continue
        tokens += tokens_at_most(text)
        if len(kept) == MAX_PAST_MESSAGES or tokens > MAX_PAST_TOKENS:
            break
        kind = "output_text" if role == "assistant" else "input_text"
        kept.append({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
    kept.reverse()
    return kept


def _told(piece: Past) -> tuple[str, str]:
    if isinstance(piece, PastMessage):
        return "developer" if piece.role == "system" else piece.role, piece.text
    if isinstance(piece, PastToolCall):
        called = f"The tool {piece.name} was called with {piece.arguments}"
        if piece.output is None:
            return "developer", f"{called} and is still running."
        return "developer", f"{called} and returned: {piece.output}"
    return "developer", "[The caller said something here that was not written down.]"


def tokens_at_most(text: str) -> int:
    size = len(text.encode(errors="replace"))
    others = size - sum(character < "\x80" for character in text)
    return (size - others + 1) // 2 + others


def chunks(text: str, limit: int = MAX_APPEND_TOKENS) -> Iterator[str]:
    """The text in pieces that may be appended, cut between words where there are any."""
    while text:
        if tokens_at_most(text) <= limit:
            yield text
            return
        end = _fitting(text, limit)
        space = text.rfind(" ", end // 2, end)
        end = space + 1 if space > 0 else end
        yield text[:end]
        text = text[end:]


def _fitting(text: str, limit: int) -> int:
    """How many characters fit: as many as a halving search finds, and at least one."""
    low, high = 1, min(len(text), 2 * limit)
    while low < high:
        middle = (low + high + 1) // 2
        if tokens_at_most(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def endpoint(settings: EngineSettings) -> tuple[str, dict[str, str]]:
    """The websocket's address, without a query, and the headers of the upgrade."""
    return settings.url or addresses.LIVE, upgrade_headers(settings)
