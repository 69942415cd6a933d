"""The transcripts of a call by item, as they come from the engine: in pieces, late, or never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sipua.bridge.engine_api.events import Transcript

Who = Literal["caller", "agent"]

_ITEMS = 128
_CHARACTERS = 20_000


@dataclass(slots=True)
class Words:
    who: Who
    text: str = ""
    final: bool = False
    played: float | None = None
    """The share that was played; None while it is spoken."""
    turn: int | None = None
    written: bool = False


class WordBook:
    """The transcripts of one call, bounded: the oldest is dropped first."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[str, Words] = {}

    def item(self, item_id: str, who: Who) -> Words:
        words = self._items.get(item_id)
        if words is None:
            if len(self._items) == _ITEMS:
                del self._items[next(iter(self._items))]
            words = self._items[item_id] = Words(who)
        return words

    def write(self, event: Transcript) -> Words:
        words = self.item(event.item_id, "caller" if event.role == "user" else "agent")
        if event.final:
            words.text, words.final = event.text[:_CHARACTERS], True
        elif not words.final and words.played is None:
            # Text after a cut belongs to audio that was not played.
            words.text = (words.text + event.text)[:_CHARACTERS]
        return words
