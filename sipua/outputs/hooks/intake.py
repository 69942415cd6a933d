"""Events on their way from the edge's loop to the side loop of the webhooks.

edge's loop:  an event ──▶ wanted, by its type? ──▶ a queue, and one wake-up for many
side loop:    takes them out; puts back those that the disk has refused
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from sipua.bridge.fault_owner import nothing
from sipua.events.stream import EventStream, Happened
from sipua.outputs.hooks.endpoint import Endpoint
from sipua.outputs.hooks.spool import NewEvent

_OWN: Final = "webhook."
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


def sorted_out(happened: Sequence[Happened], endpoints: Mapping[str, Endpoint]) -> list[NewEvent]:
    """Who gets which; those whose receivers have no room are dropped, and told."""
    found: list[NewEvent] = []
    sizes: dict[str, int] = dict.fromkeys(endpoints, 0)
    for one in happened:
        document = one.json()
        names = []
        for name in _receivers(one, endpoints):
            if endpoints[name].has_room(sizes[name] + len(document)):
                sizes[name] += len(document)
                names.append(name)
            else:
                endpoints[name].dropped(1, "too much waits for it")
        if names:
            told = one.told
            found.append(
                NewEvent(one.id, told.type, told.call_id, told.at_s, document, tuple(names))
            )
    return found


def _receivers(one: Happened, endpoints: Mapping[str, Endpoint]) -> list[str]:
    about = ""
    if one.told.type.startswith(_OWN):  # a receiver is not told of itself: it fails
        about = str(msgspec.json.decode(one.told.data).get("webhook", ""))
    return [
        name
        for name, endpoint in endpoints.items()
        if name != about and not endpoint.queue.disabled and endpoint.wants(one.told.type)
    ]
