"""What of a message may stand in the trace of a session."""

from __future__ import annotations

from typing import Any, Final

import msgspec

# What may be large, or is what people said: the trace shows its size, not its text.
_NOT_TRACED: Final = frozenset(
    {"type", "audio", "delta", "transcript", "text", "arguments", "content"}
)
_TRACED_CHARS: Final = 64
_TRACE_BYTES: Final = 64 * 1024


def summary(message: bytes) -> tuple[str, dict[str, Any]]:
    """The type and the short top-level values of a message, for the trace."""
    if len(message) > _TRACE_BYTES:
        return "?", {}
    try:
        content = msgspec.json.decode(message, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "?", {}
    fields = {
        name[:_TRACED_CHARS]: value
        for name, value in content.items()
        if name not in _NOT_TRACED
        and (
            isinstance(value, int | float)
            or (isinstance(value, str) and len(value) <= _TRACED_CHARS)
        )
    }
    return str(content.get("type", "?"))[:_TRACED_CHARS], fields
