"""The client's changes of the conversation's items, and the events that confirm them."""

from sipua.bridge.agent.realtime.history import History, Item
from sipua.bridge.agent.realtime.protocol import ItemDelete, ItemRetrieve, ItemTruncate
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import Outbox


class ItemEvents:
    __slots__ = ("_history", "_out")

    def __init__(self, history: History, outbox: Outbox) -> None:
        self._history = history
        self._out = outbox

    def add(self, item: Item, previous_id: str | None) -> None:
        behind = self._history.insert(item, previous_id)
        for event in ("conversation.item.added", "conversation.item.done"):
            self._out.event(event, previous_item_id=behind, item=item.view())

    def delete(self, event: ItemDelete, _now: float) -> None:
        self._history.get(event.item_id, "delete")
        self._history.remove(event.item_id)
        self._out.event("conversation.item.deleted", item_id=event.item_id)

    def retrieve(self, event: ItemRetrieve, _now: float) -> None:
        item = self._history.get(event.item_id, "retrieve")
        self._out.event("conversation.item.retrieved", item=item.view(with_audio=True))

    def truncate(self, event: ItemTruncate, _now: float) -> None:
        item = self._history.get(event.item_id, "truncate")
        if item.role != "assistant" or not item.audio_ms:
            raise ClientError(
                "invalid_value", "Only model output audio messages can be truncated", "item_id"
            )
        if event.content_index:
            raise ClientError(
                "invalid_value", "Invalid 'content_index': there is only 0.", "content_index"
            )
        if event.audio_end_ms > item.audio_ms:
            raise ClientError(
                "invalid_value",
                f"Audio content of {item.audio_ms}ms is already shorter than "
                f"{event.audio_end_ms}ms",
                "audio_end_ms",
            )
        kept = item.audio[: event.audio_end_ms * item.format.bytes_per_ms]
        self._history.set_audio(item, kept, event.audio_end_ms)
        for part in item.content:
            part["transcript"] = ""  # no words may stay that the caller did not hear
        self._out.event(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=event.audio_end_ms,
        )
