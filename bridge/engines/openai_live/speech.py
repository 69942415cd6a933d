"""What is said in an OpenAI Live session, made into items with a beginning and an end.

The vendor streams one endless track and loose words of both sides. The items are ours: one begins
with the first sound after silence and ends with the silence after it, or where the call cut it
off (`SpeechGate`). Each is told as a response of its own, so that an answer looks the same from
whichever engine it came.

The track comes at the pace of speech, a tenth of a second at a time. Played as it comes, each
delta that is a little late would be a hole in a word; so the first `HOLD_MS` of an item are kept
until they are complete, and what comes after them may be late by more than a third of that.

Words belong to the item that is being said, or to the next one when nothing is: they come a little
before their sound. What the caller says ends when no more words of it have come for
`CALLER_END_MS` of the track, or when the model begins to speak.
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
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.engines.openai_live.speech_gate import Began, Ended, Said, SpeechGate

HOLD_MS: Final = 160
CALLER_END_MS: Final = 1000
# The vendor's track runs as long as there is input. If it does not after so much input, nothing
# more will come of what was being said.
STALLED_MS: Final = 1000
MAX_TEXT: Final = 20_000  # characters of one item
_ITEMS: Final = 128


class Item:
    __slots__ = ("bytes", "cut", "id", "text")

    def __init__(self, item_id: str) -> None:
        self.id = item_id
        self.bytes = 0
        self.text = ""
        self.cut = False


class Speech:
    def __init__(self, form: AudioFormat, prefix: str = "") -> None:
        """`prefix`: sets this session's items apart from those of the call's other sessions."""
        self._prefix = prefix
        self._form = form
        self._gate = SpeechGate(form)
        self._items: dict[str, Item] = {}
        self._item: Item | None = None  # being said
        self._held = b""  # of its beginning
        self._holding = False
        self._words = ""  # of an item that has not begun
        self._caller: Item | None = None
        self._caller_heard_ms = 0.0  # where on the track its last words came
        self._numbers = {"assistant": 0, "user": 0}
        self._input_ms = 0.0  # since the track last moved
        self._late: list[Event] = []  # of what the call did, told with the next message
        self.words_dropped = 0

    @property
    def dropped_ms(self) -> int:
        return self._gate.dropped_ms

    def fed(self, size: int) -> None:
        """The engine was given audio, so its track should move on."""
        self._input_ms += size / self._form.bytes_per_ms

    def pending(self) -> list[Event]:
        """What has become true without a message of the engine."""
        if self._item is not None and self._input_ms >= STALLED_MS:
            self._gate.end()
            self._late += [*self._hand_out(), *self._end("completed")]
        late, self._late = self._late, []
        return late

    def hear(self, audio: bytes) -> list[Event]:
        self._input_ms = 0.0
        events: list[Event] = []
        for piece in self._gate.feed(audio):
            if isinstance(piece, Said):
                self._held += piece.audio
                if not self._holding or len(self._held) >= HOLD_MS * self._form.bytes_per_ms:
                    events += self._hand_out()
            elif isinstance(piece, Began):
                events += self._begin()
            elif isinstance(piece, Ended):
                events += [*self._hand_out(), *self._end("completed")]
        if self._caller and self._gate.track_ms - self._caller_heard_ms >= CALLER_END_MS:
            events += self._caller_done()
        return events

    def model_words(self, text: str) -> Sequence[Event]:
        item = self._item
        if item is None:
            if self._gate.dropping:
                self.words_dropped += 1  # the caller did not hear them
            else:
                self._words = (self._words + text)[:MAX_TEXT]
            return ()
        if not text:
            return ()
        item.text = (item.text + text)[:MAX_TEXT]
        return (Transcript(item.id, "assistant", text, final=False),)

    def caller_words(self, text: str) -> Sequence[Event]:
        if not text:
            return ()
        if self._caller is None:
            self._caller = Item(self._new_id("user"))
        self._caller.text = (self._caller.text + text)[:MAX_TEXT]
        self._caller_heard_ms = self._gate.track_ms
        return (Transcript(self._caller.id, "user", text, final=False),)

    def cut(self, item_id: str | None = None) -> Item | None:
        """Stop handing on an item, or (None) whatever is being said. None: already cut, unknown."""
        item = self._item if item_id is None else self._items.get(item_id)
        if item is None or item.cut:
            return None
        item.cut = True
        if item is self._item:
            self._gate.cut()
            self._late += self._end("cancelled")
        return item

    def close(self) -> list[Event]:
        """The session is over."""
        self._gate.end()
        return [*self._hand_out(), *self._end("completed"), *self._caller_done()]

    def _hand_out(self) -> list[Event]:
        item, audio = self._item, self._held
        self._held, self._holding = b"", False
        if item is None or not audio:
            return []
        item.bytes += len(audio)
        return [AudioDelta(item.id, 0, audio)]

    def _begin(self) -> list[Event]:
        self._held, self._holding = b"", True
        item = self._item = Item(self._new_id("assistant"))
        if len(self._items) == _ITEMS:
            del self._items[next(iter(self._items))]
        self._items[item.id] = item
        events: list[Event] = [*self._caller_done(), ResponseStarted(item.id)]
        words, self._words = self._words, ""
        return [*events, *self.model_words(words)]

    def _end(self, status: str) -> list[Event]:
        item, self._item = self._item, None
        self._held = b""
        if item is None:
            return []
        done: list[Event] = [AudioDone(item.id)]
        if item.text:
            done.append(Transcript(item.id, "assistant", item.text, final=True))
        return [*done, ResponseDone(item.id, status)]

    def _caller_done(self) -> list[Event]:
        caller, self._caller = self._caller, None
        return [] if caller is None else [Transcript(caller.id, "user", caller.text, final=True)]

    def _new_id(self, role: str) -> str:
        self._numbers[role] += 1
        return f"{self._prefix}{role}_{self._numbers[role]}"
