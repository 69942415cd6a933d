"""Events on their way from the edge's loop to the side loop of the webhooks.

edge's loop:  an event ──▶ wanted, by its type? ──▶ a queue, and one wake-up for many
side loop:    takes them out; puts back those that the disk has refused
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from sipua.bridge.fault_owner import nothing
from sipua.events.stream import EventStream, Happened

_MOST_EVENTS: Final = 65_536


class Intake:
    def __init__(self, wanted: Callable[[str], bool], wake: Callable[[], None]) -> None:
        """`wanted`: whether any webhook wants this type; `wake`: may be called on any thread."""
        self._is_wanted = wanted
        self._wake = wake
        self._wanted: dict[str, bool] = {}
        self._waiting: deque[Happened] = deque()
        self._woken = False
        self._close: Callable[[], None] = nothing
        self.lost = 0
        """Events that found no room."""

    def __len__(self) -> int:
        return len(self._waiting)

    # --- the edge's loop --------------------------------------------------------------------

    def open(self, events: EventStream) -> None:
        self._close = events.subscribe(self.put)

    def close(self) -> None:
        close, self._close = self._close, nothing
        close()

    def put(self, happened: Happened) -> None:
        kind = happened.told.type
        wanted = self._wanted.get(kind)
        if wanted is None:  # once for each type
            wanted = self._wanted[kind] = self._is_wanted(kind)
        if not wanted:
            return
        if len(self._waiting) >= _MOST_EVENTS:
            self.lost += 1
            return
        self._waiting.append(happened)
        if not self._woken:
            self._woken = True
            self._wake()

    # --- the side loop ----------------------------------------------------------------------

    def take(self, most: int) -> list[Happened]:
        """What is put from here on wakes again."""
        self._woken = False
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), most))]

    def put_back(self, happened: Sequence[Happened]) -> None:
        """In front of all others."""
        self._waiting.extendleft(reversed(happened))
