"""What is said in a Gemini Live session, made into items and responses.

The vendor names neither. A turn of the model is audio and loose words, and ends in steps:

    audio … ─▶ generationComplete ─▶ turnComplete          (when the audio would have been played)
          └──▶ interrupted ────────▶ turnComplete

The response ends for the call with the first of them: nothing more comes to be said, however long
the rest still plays. Words are in no order with the audio, so a transcript is final at the last.
A tool's call ends a response, too; what the model says about the result is another one.

What was cut off by the call is dropped until the server says that the turn is over, by whichever
step: it may not have noticed the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    Transcript,
    Usage,
)

MAX_TEXT: Final = 20_000  # characters of one item
_ITEMS: Final = 128  # that can still be cut


class Item:
    __slots__ = ("bytes", "cut", "done", "id", "text")

    def __init__(self, item_id: str) -> None:
        self.id = item_id
        self.bytes = 0
        self.text = ""
        self.cut = False
        self.done = False  # as a response

    def add(self, text: str) -> None:
        self.text = (self.text + text)[:MAX_TEXT]


class Speech:
    def __init__(self, prefix: str = "") -> None:
        """`prefix`: sets this session's items apart from those of the call's other sessions."""
        self.turn_open = False
        """The model's; what is sent now would interrupt it."""
        self.given_up = False
        """The call does not want the rest of that turn."""
        self.begun = 0
        """Responses so far."""
        self.late_deltas = 0
        self.words_dropped = 0
        self._prefix = prefix
        self._items: dict[str, Item] = {}
        self._item: Item | None = None  # of the turn that is open
        self._dropping = False
        self._answered = False  # a response was told of this turn
        self._interrupted = False  # by the caller, says the server
        self._words = ""  # of an item that has not begun
        self._caller: Item | None = None
        self._numbers = {"assistant": 0, "user": 0}
        self._late: list[Event] = []  # of what the call did, told with the next message

    def take_late(self) -> list[Event]:
        late, self._late = self._late, []
        return late

    # What the model says

    def audio(self, audio: bytes) -> list[Event]:
        self.turn_open = True
        if self._dropping:
            self.late_deltas += 1
            return []
        events = self._begin()
        assert self._item is not None
        self._item.bytes += len(audio)
        events.append(AudioDelta(self._item.id, 0, audio))
        return events

    def model_words(self, text: str) -> list[Event]:
        item = self._item
        if self._dropping or (item is not None and item.cut):
            self.words_dropped += 1  # the caller did not hear them
            return []
        if item is None:
            self._words = (self._words + text)[:MAX_TEXT]
            return []
        item.add(text)
        return [Transcript(item.id, "assistant", text, final=False)]

    def calls(self) -> tuple[str, list[Event], list[Event]]:
        """The model calls tools: the response that they belong to, what comes before them, what
        comes after them."""
        self.turn_open = True
        began = self._begin()
        assert self._item is not None
        return self._item.id, began, [*self._end("completed"), *self._forget()]

    @property
    def dropping(self) -> bool:
        return self._dropping

    @property
    def running(self) -> bool:
        """A response is."""
        return self._item is not None and not self._item.done

    @property
    def answered(self) -> bool:
        """There was a response in the turn that is open."""
        return self._answered

    # The steps of its end

    def interrupted(self) -> list[Event]:
        self._dropping = False
        self._interrupted = True
        return self._end("cancelled")

    def generated(self, usage: Usage | None) -> list[Event]:
        self._dropping = False
        return self._end("completed", usage=usage)

    def turn_complete(self, status: str, detail: str, usage: Usage | None) -> list[Event]:
        events: list[Event] = []
        if self._interrupted:
            status, detail = "cancelled", ""
        if not self._answered:
            events += self._begin()  # with nothing to say, which is an answer as well
        events += [*self._end(status, detail, usage), *self._forget(), *self.caller_done()]
        self.turn_open = self.given_up = self._dropping = self._answered = False
        self._interrupted = False
        self._words = ""
        return events

    # The caller

    def caller_words(self, text: str) -> list[Event]:
        if self._caller is None:
            self._caller = Item(self._new_id("user"))
        self._caller.add(text)
        return [Transcript(self._caller.id, "user", text, final=False)]

    def caller_done(self) -> Sequence[Event]:
        """Their words are whole."""
        caller, self._caller = self._caller, None
        if caller is None or not caller.text.strip():
            return ()
        return (Transcript(caller.id, "user", caller.text.strip(), final=True),)

    # What the call does

    def cut(self, item_id: str | None = None) -> Item | None:
        """Hand on no more of an item, or (None) of what is being said. None: it is cut already,
        or unknown."""
        item = self._item if item_id is None else self._items.get(item_id)
        if item is None or item.cut:
            return None
        item.cut = True
        if item is self._item:
            self.given_up = True
            if not item.done:
                self._dropping = True
                self._late += self._end("cancelled")
        return item

    # Items

    def _begin(self) -> list[Event]:
        if self._item is not None and not self._item.done:
            return []
        events = [*self._forget(), *self.caller_done()]
        item = self._item = Item(self._new_id("assistant"))
        if len(self._items) == _ITEMS:
            del self._items[next(iter(self._items))]
        self._items[item.id] = item
        self.begun += 1
        self._interrupted = False
        self._answered = True
        events.append(ResponseStarted(item.id))
        words, self._words = self._words, ""
        return [*events, *self.model_words(words)] if words else events

    def _end(self, status: str, detail: str = "", usage: Usage | None = None) -> list[Event]:
        item = self._item
        if item is None or item.done:
            return []
        item.done = True
        audio: list[Event] = [AudioDone(item.id)] if item.bytes else []
        return [*audio, ResponseDone(item.id, status, detail, usage)]

    def _forget(self) -> Sequence[Event]:
        """Its transcript is final."""
        item, self._item = self._item, None
        if item is None or not item.text:
            return ()
        return (Transcript(item.id, "assistant", item.text, final=True),)

    def _new_id(self, role: str) -> str:
        self._numbers[role] += 1
        return f"{self._prefix}{role}_{self._numbers[role]}"
