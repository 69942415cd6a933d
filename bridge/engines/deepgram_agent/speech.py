"""What is said in a Voice Agent's session, made into items and responses.

The vendor names neither. An answer is words and sound, in pieces, until `AgentAudioDone`; the
caller's words come whole, when the turn is over:

    UserStartedSpeaking ─▶ ConversationText (user) ─▶ ConversationText (assistant), sound …
                                                              ─▶ AgentAudioDone

When the caller begins to speak, the answer is over. Sound that still comes is of the old one, and
is dropped until the agent says something that belongs to the next turn: words of either side, that
it thinks, that it begins to speak, that its sound is done. It has no event for the end of the
caller's speech: that is told with their words, or when the agent answers without any.
"""

from __future__ import annotations

from typing import Final

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)

WORDLESS_MS: Final = 30_000  # more than anybody speaks without a pause that brings words
MAX_TEXT: Final = 20_000  # characters of one item


class _Answer:
    __slots__ = ("id", "sounded", "text")

    def __init__(self, item_id: str, text: str) -> None:
        self.id = item_id
        self.text = text
        self.sounded = False


class Speech:
    def __init__(self) -> None:
        self.caller_speaks = False
        self._began_ms = 0
        self.late_deltas = 0
        self.words_unsounded = 0
        self._answer: _Answer | None = None  # that is being said
        self._wordless: str = ""  # the last one, if its words are still to come
        self._dropping = False
        self._words = ""  # of an answer that has not begun
        self._caller = ""  # the item of what the caller says; empty: they have said nothing yet
        self._numbers = {"assistant": 0, "user": 0}

    @property
    def answering(self) -> bool:
        return self._answer is not None

    # What the agent says

    def audio(self, audio: bytes, now_ms: int) -> list[Event]:
        if self._dropping:
            self.late_deltas += 1
            return []
        events = self._begin(now_ms)
        assert self._answer is not None
        self._answer.sounded = True
        events.append(AudioDelta(self._answer.id, 0, audio))
        return events

    def agent_words(self, text: str) -> list[Event]:
        self._dropping = False
        answer = self._answer
        if answer is None and self._wordless:
            item_id, self._wordless = self._wordless, ""
            return [Transcript(item_id, "assistant", text[:MAX_TEXT], final=True)]
        if answer is None:
            self._words = _joined(self._words, text)
            return []
        piece = f" {text}" if answer.text else text
        answer.text = _joined(answer.text, text)
        return [Transcript(answer.id, "assistant", piece, final=False)]

    def next_turn(self) -> None:
        """The agent begins to think, or to speak."""
        self._dropping = False
        self._wordless = ""

    def audio_done(self) -> list[Event]:
        self._dropping = False
        if self._answer is not None and not self._answer.text:
            self._wordless = self._answer.id
        return self._end("completed")

    def calls(self, now_ms: int) -> tuple[str, list[Event], list[Event]]:
        """The agent calls tools: the response that they belong to, what comes before them, what
        comes after them. What it still says to that is another one."""
        began = self._begin(now_ms)
        assert self._answer is not None
        return self._answer.id, began, self._end("completed")

    # The caller

    def caller_began(self, now_ms: int) -> list[Event]:
        self._dropping = True
        if self.caller_speaks:
            return []
        self.caller_speaks = True
        self._began_ms = now_ms
        self._caller = self._new_id("user")
        started = SpeechStarted(self._caller, now_ms)
        self._forget_words()
        return [started, *self._end("cancelled")]

    def passed(self, now_ms: int) -> list[Event]:
        """A sound of which nothing has come for so long was no speech: a cough, say."""
        if self.caller_speaks and now_ms - self._began_ms >= WORDLESS_MS:
            return self._caller_stopped(now_ms)
        return []

    def caller_words(self, text: str, now_ms: int) -> list[Event]:
        self._dropping = False
        stopped = self._caller_stopped(now_ms)
        item_id, self._caller = self._caller or self._new_id("user"), ""
        said: list[Event] = [Transcript(item_id, "user", text[:MAX_TEXT], final=True)]
        self._forget_words()
        return [*stopped, *said] if text.strip() else stopped

    # What the call does

    def cut(self, item_id: str | None = None) -> list[Event]:
        """Hand on no more of an item, or (None) of what is being said."""
        if self._answer is None or item_id not in (None, self._answer.id):
            return []
        self._dropping = True
        return self._end("cancelled")

    # Items

    def _begin(self, now_ms: int) -> list[Event]:
        if self._answer is not None:
            return []
        words, self._words = self._words, ""
        answer = self._answer = _Answer(self._new_id("assistant"), words)
        events = [*self._caller_stopped(now_ms), ResponseStarted(answer.id)]
        if words:
            events.append(Transcript(answer.id, "assistant", words, final=False))
        return events

    def _end(self, status: str) -> list[Event]:
        answer, self._answer = self._answer, None
        if answer is None:
            return []
        events: list[Event] = [AudioDone(answer.id)] if answer.sounded else []
        if answer.text:
            events.append(Transcript(answer.id, "assistant", answer.text, final=True))
        return [*events, ResponseDone(answer.id, status)]

    def _forget_words(self) -> None:
        """Those whose sound never came, and will not: the caller did not hear them."""
        self.words_unsounded += bool(self._words)
        self._words = self._wordless = ""

    def _caller_stopped(self, now_ms: int) -> list[Event]:
        if not self.caller_speaks:
            return []
        self.caller_speaks = False
        return [SpeechStopped(self._caller, now_ms)]

    def _new_id(self, role: str) -> str:
        self._numbers[role] += 1
        return f"{role}_{self._numbers[role]}"


def _joined(text: str, more: str) -> str:
    return f"{text} {more}"[:MAX_TEXT] if text else more[:MAX_TEXT]
