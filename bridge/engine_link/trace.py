"""What of a session's messages may stand in the log, and how often."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec
from structlog.typing import FilteringBoundLogger

from sipua.bridge.engine_api.events import EngineFault, Unreadable

# What may be large, or is what people said: the trace shows its size, not its text.
_NOT_TRACED: Final = frozenset(
    {"type", "event", "audio", "delta", "transcript", "text", "arguments", "content"}
)
_NAMED_BY: Final = ("type", "event")  # whichever key the protocol has its messages named by
_TRACED_CHARS: Final = 64
_TRACE_BYTES: Final = 64 * 1024

# Complaints of one session, and kinds of what cannot be read in it, that are worth a line each.
_LOGGED: Final = 20


class SessionTrace:
    """One session's."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        # Asked once: the audio path must not pay for a logger that is off.
        self.on = log.is_enabled_for(logging.DEBUG)
        self._complaints = 0
        self._warned: set[str] = set()

    def message(self, direction: str, message: bytes | str) -> None:
        # The names in `fields` are the peer's: they must not meet our own keys.
        event_type, fields = summary(message)
        self._log.debug(f"{direction} {event_type}", bytes=len(message), fields=fields)

    def complaint(self, fault: EngineFault) -> None:
        self._complaints += 1
        if self._complaints <= _LOGGED:
            self._log.warning(
                "engine.error",
                code=fault.code,
                message=fault.message,
                about=fault.event_id,
                fatal=fault.fatal,
                last_logged=self._complaints == _LOGGED,
            )

    def unreadable(self, event: Unreadable) -> None:
        self.once(event.reason, "engine.unreadable", reason=event.reason, bytes=event.bytes)

    def once(self, what: str, event: str, **fields: object) -> None:
        """Of each kind the first: the rest is in the counters."""
        if what not in self._warned and len(self._warned) < _LOGGED:
            self._warned.add(what)
            self._log.warning(event, **fields)


def summary(message: bytes | str) -> tuple[str, dict[str, Any]]:
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
    # Whichever field says what it is; in some protocols the fields themselves do.
    named = next((content[key] for key in _NAMED_BY if key in content), "+".join(content) or "?")
    return str(named)[:_TRACED_CHARS], fields
