"""What the agent says to the target of a transfer alone: the caller must never hear it.

    begin ─▶ the next item of the engine ─▶ `hear`
    end   ─▶ what still comes of it is dropped; the item after it is for the caller again

Sans-IO. Audio of a response that runs when it begins belongs to the caller, and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.engine_api.events import AudioDelta, AudioDone, ResponseDone

Hear: TypeAlias = Callable[[AudioDelta | AudioDone], None]


class PrivateAudio:
    """One call's."""

    def __init__(self) -> None:
        self.used = False
        """Whether there is anything to look for at all."""
        self._hear: Hear | None = None
        self._owed = False  # the engine was asked, and has not finished
        self._items: set[str] = set()

    def begin(self, hear: Hear) -> None:
        """The engine is asked now."""
        self.used = self._owed = True
        self._hear = hear

    def end(self) -> None:
        self._hear = None

    def takes(self, event: ConversationEvent, knows: Callable[[str], bool]) -> bool:
        """Whether this is not for the caller. `knows`: whether an item has begun for the caller."""
        match event:
            case AudioDelta() if event.item_id not in self._items:
                if not self._owed or knows(event.item_id):
                    return False
                self._items.add(event.item_id)
            case AudioDelta() | AudioDone() if event.item_id in self._items:
                pass
            case ResponseDone():
                if self._items or event.status != "cancelled":  # else of one that ran before
                    self._owed = False
                return False
            case _:
                return False
        if self._hear is not None:
            self._hear(event)
        return True
