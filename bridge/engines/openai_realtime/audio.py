"""The assistant's speech in an OpenAI Realtime session: what came, what is dropped, where to cut.

After an interruption the server still sends what it had ready: deltas of a response that was
cancelled, and of an item that was truncated. They end here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sipua.bridge.engine_api.events import AudioDelta
from sipua.bridge.engines.openai.decoder import decode_audio
from sipua.bridge.engines.openai_realtime.events import OutputAudioDelta

MAX_ITEMS: Final = 128  # whose length is remembered, far more than can be in playout
MAX_STALE: Final = 64  # responses


class _Item:
    __slots__ = ("bytes", "content_index", "cut", "done")

    def __init__(self, content_index: int) -> None:
        self.bytes = 0
        self.content_index = content_index
        self.done = False
        self.cut = False


class Speech:
    def __init__(self, bytes_per_ms: int) -> None:
        self.late_deltas = 0
        self.truncated = 0
        self.truncate_skipped = 0
        self._bytes_per_ms = bytes_per_ms
        self._items: dict[str, _Item] = {}
        self._stale: dict[str, None] = {}  # an ordered set

    def delta(self, event: OutputAudioDelta) -> Sequence[AudioDelta]:
        """Raises WireError, and the item goes on."""
        item_id = event.item_id
        item = self._items.get(item_id)
        if item is None:
            item = self._remember(item_id, event.content_index)
        if item.cut or event.response_id in self._stale:
            self.late_deltas += 1
            return ()
        audio = decode_audio(event.delta)
        if not audio:
            return ()
        item.bytes += len(audio)
        return (AudioDelta(item_id, event.content_index, audio),)

    def done(self, item_id: str) -> bool:
        """False: an item without audio, which was never given out."""
        item = self._items.get(item_id)
        if item is None:
            return False
        item.done = True
        return True

    def truncate(self, item_id: str, audio_end_ms: int) -> tuple[int, int] | None:
        """Drop the rest of an item. Content index and millisecond for the server, if it must know.

        It calls more than the item holds an error, and so it does nothing at all.
        """
        item = self._items.get(item_id)
        if item is None or item.cut:
            self.truncate_skipped += 1
            return None
        item.cut = True
        held_ms = item.bytes // self._bytes_per_ms
        end_ms = min(audio_end_ms, held_ms)
        if end_ms <= 0 or (item.done and end_ms == held_ms):
            self.truncate_skipped += 1
            return None
        self.truncated += 1
        return item.content_index, end_ms

    def drop(self, response_id: str) -> None:
        """Whatever still comes of this response."""
        if not response_id:
            return  # it would stand for every response that has no id
        if len(self._stale) == MAX_STALE:
            del self._stale[next(iter(self._stale))]
        self._stale[response_id] = None

    def dropped(self, response_id: str) -> bool:
        return response_id in self._stale

    def counters(self) -> dict[str, int]:
        return {
            "late_deltas": self.late_deltas,
            "truncated": self.truncated,
            "truncate_skipped": self.truncate_skipped,
        }

    def _remember(self, item_id: str, content_index: int) -> _Item:
        if len(self._items) == MAX_ITEMS:
            del self._items[next(iter(self._items))]
        item = self._items[item_id] = _Item(content_index)
        return item
