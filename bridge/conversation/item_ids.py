"""What items, responses and tool calls are called: unique in a call, whatever its sessions do.

A session names nothing twice, but the next one, or another vendor's, may begin again at `item_1`.
A listener of both would take them for one: audio that was cut off stays cut off, and a tool
call that was answered is not answered again. So a name that another session has used gets the
session's number in front on its way in, and loses it on its way back. Marks always have it: what
is played late is told to the session that has asked for it, or to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    CallerIdle,
    Event,
    PlayoutMark,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    TranscriptFailed,
)

E = TypeVar("E", bound=Event)

# Far more than are still asked for; the oldest is forgotten first.
_KNOWN: Final = 2048

_ID_FIELDS: Final[Mapping[type, tuple[str, ...]]] = {
    **dict.fromkeys(
        (AudioDelta, AudioDone, SpeechStarted, SpeechStopped, CallerIdle), ("item_id",)
    ),
    **dict.fromkeys((Transcript, TranscriptFailed, ServerTool), ("item_id",)),
    **dict.fromkeys((ResponseStarted, ResponseDone), ("response_id",)),
    ToolCall: ("call_id", "response_id"),
}


class CallItemIds:
    """One call's: which session a name belongs to."""

    def __init__(self) -> None:
        self._sessions = 0
        self._owners: dict[str, int] = {}

    def session(self) -> ItemIdScope:
        self._sessions += 1
        return ItemIdScope(self, self._sessions)

    def owner(self, name: str) -> int | None:
        return self._owners.get(name)

    def claim(self, name: str, session: int) -> int:
        """Whose it is: the first one's who uses it."""
        owner = self._owners.setdefault(name, session)
        if len(self._owners) > _KNOWN:
            del self._owners[next(iter(self._owners))]
        return owner


class ItemIdScope:
    def __init__(self, call: CallItemIds, number: int) -> None:
        self._call = call
        self._number = number
        self._prefix = f"{number}."

    def to_call_ids(self, event: E) -> E:
        """As the call is to hear of it."""
        if isinstance(event, PlayoutMark):
            return replace(event, name=self._prefix + event.name)
        changes: dict[str, Any] = {}
        for field in _ID_FIELDS.get(type(event), ()):
            name: str = getattr(event, field)
            if name and self._call.claim(name, self._number) != self._number:
                changes[field] = self._prefix + name
        return replace(event, **changes) if changes else event

    def own_mark(self, name: str) -> str | None:
        """What the session calls it; None: it is another one's."""
        return name.removeprefix(self._prefix) if name.startswith(self._prefix) else None

    def to_session_id(self, name: str) -> str | None:
        """What the session calls it; None: it is another one's."""
        owner = self._call.owner(name)
        if owner is not None:
            return name if owner == self._number else None
        return name.removeprefix(self._prefix)
