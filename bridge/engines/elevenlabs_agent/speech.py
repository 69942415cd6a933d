"""What is said in a conversation with an agent of ElevenLabs, made into items and responses.

The agent's sound comes in numbered pieces, faster than it plays, and its words whole, with the
first piece. Where an answer ends is not told by all agents (`agent_response_complete`): it has
ended when nothing more of it has come for a while of the caller's audio, when the caller has said
something, when a tool is called, or by an interruption.

An interruption names the last piece that counts: later ones of up to that number are of what was
interrupted.
"""

from __future__ import annotations

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    Transcript,
)
from sipua.bridge.engines.streams.speech_items import SpeechItems

MAX_TEXT = 20_000  # characters of one item


class Speech:
    def __init__(self, quiet_bytes: int) -> None:
        self.late_deltas = 0
        self.words_unsounded = 0
        self._items = SpeechItems(quiet_bytes)
        self._item = ""  # that is being said; empty: none
        self._text = ""  # of it, or of the next one
        self._told = False  # that text, as a piece
        self._interrupted = -1
        self._callers = 0

    # What the agent says

    def audio(self, audio: bytes, number: int) -> list[Event]:
        if number <= self._interrupted:
            self.late_deltas += 1
            return []
        item = self._items.says()
        events: list[Event] = []
        if not self._item:
            self._item = item
            events += [ResponseStarted(item), *self._tell()]
        events.append(AudioDelta(item, 0, audio))
        return events

    def words(self, text: str) -> list[Event]:
        before: list[Event] = []
        if self._text:  # more than the answer that is being said has: the next one has begun
            before = self.ends("completed")
            self._forget()
        self._text = text.strip()[:MAX_TEXT]
        return [*before, *(self._tell() if self._item else ())]

    def heard(self, size: int) -> list[Event]:
        """The agent was given so many bytes of the caller."""
        return self._end("completed") if self._items.hears(size) else []

    def ends(self, status: str) -> list[Event]:
        self._items.ends()
        return self._end(status)

    def interrupted(self, number: int) -> list[Event]:
        self._interrupted = max(self._interrupted, number)
        events = self.ends("cancelled")
        self._forget()
        return events

    # The caller

    def caller_words(self, text: str) -> list[Event]:
        events = self.ends("completed")
        self._forget()
        if text := text.strip()[:MAX_TEXT]:
            self._callers += 1
            events.append(Transcript(f"user_{self._callers}", "user", text, final=True))
        return events

    def _tell(self) -> list[Event]:
        self._told = bool(self._text)
        return [Transcript(self._item, "assistant", self._text, final=False)] * self._told

    def _end(self, status: str) -> list[Event]:
        item, self._item = self._item, ""
        if not item:
            return []
        events: list[Event] = [AudioDone(item)]
        if self._told:
            events.append(Transcript(item, "assistant", self._text, final=True))
            self._text, self._told = "", False
        return [*events, ResponseDone(item, status)]

    def _forget(self) -> None:
        """Words whose sound never came, and will not: the caller did not hear them."""
        self.words_unsounded += bool(self._text)
        self._text, self._told = "", False
