"""The conversation's items, bounded in number and in the audio and text that they keep."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pybase64

from sipua.bridge.agent.speech.formats import PCM, WireFormat
from sipua.bridge.agent.wire.errors import ClientError

MAX_ITEMS = 500


@dataclass(slots=True)
class Item:
    id: str
    type: str
    status: str = "completed"
    role: str | None = None
    content: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)  # of function calls and their outputs
    audio: bytes = b""  # of the one part with audio
    audio_ms: int = 0  # stays when old audio is dropped
    format: WireFormat = PCM
    text_chars: int = 0

    def view(self, *, with_audio: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "object": "realtime.item",
            "type": self.type,
            "status": self.status,
            **self.extra,
        }
        if self.role is not None:
            shown["role"] = self.role
            shown["content"] = [
                {**part, "audio": pybase64.b64encode(self.audio).decode()}
                if with_audio and part["type"] in ("input_audio", "output_audio")
                else part
                for part in self.content
            ]
        return shown


class History:
    """The items of one conversation. Past `keep_size` (bytes of audio, characters of text) the
    oldest items lose their audio, then leave, as in the vendor's context; `forgotten` counts those.
    """

    __slots__ = ("_items", "_keep_size", "_kept_size", "_order", "forgotten")

    def __init__(self, keep_size: int) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._keep_size = keep_size
        self._kept_size = 0
        self.forgotten = 0

    @property
    def last_id(self) -> str | None:
        return self._order[-1] if self._order else None

    @property
    def ids(self) -> list[str]:
        return list(self._order)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def get(self, item_id: str, action: str) -> Item:
        item = self._items.get(item_id)
        if item is None:
            raise ClientError(
                f"item_{action}_invalid_item_id",
                f"Error {action[:-1]}ing item: the item with id '{item_id}' does not exist.",
                "item_id",
            )
        return item

    def insert(self, item: Item, previous_id: str | None = None) -> str | None:
        """Insert behind `previous_id` ("root": first, None: last); returns the id before it."""
        if item.id in self._items:
            raise ClientError(
                "item_create_invalid_item_id",
                f"Error creating item: the item with id '{item.id}' already exists.",
                "item.id",
            )
        if previous_id is None:
            behind = self.last_id
            self._order.append(item.id)
        elif previous_id == "root":
            behind = None
            self._order.insert(0, item.id)
        elif previous_id in self._items:
            behind = previous_id
            self._order.insert(self._order.index(previous_id) + 1, item.id)
        else:
            raise ClientError(
                "item_create_invalid_previous_item_id",
                f"Error creating item: the previous item with id '{previous_id}' does not exist.",
                "previous_item_id",
            )
        self._items[item.id] = item
        self._kept_size += len(item.audio) + item.text_chars
        self._trim()
        return behind

    def set_audio(self, item: Item, audio: bytes, audio_ms: int) -> None:
        """Set an item's audio, grown or truncated."""
        if item.id in self._items:
            self._kept_size += len(audio) - len(item.audio)
        item.audio, item.audio_ms = audio, audio_ms
        self._trim()

    def remove(self, item_id: str) -> None:
        item = self._items.pop(item_id)
        self._order.remove(item_id)
        self._kept_size -= len(item.audio) + item.text_chars

    def _trim(self) -> None:
        while len(self._order) > MAX_ITEMS:
            self.remove(self._order[0])
            self.forgotten += 1
        if self._kept_size <= self._keep_size:
            return
        for item_id in self._order[:-1]:
            item = self._items[item_id]
            self._kept_size -= len(item.audio)
            item.audio = b""
            if self._kept_size <= self._keep_size:
                return
        while self._kept_size > self._keep_size and len(self._order) > 1:
            self.remove(self._order[0])
            self.forgotten += 1
