"""The words of a turn: requested, awaited for a while, found or not.

Without a recogniser a transcript only says how long the turn was.
"""

from dataclasses import dataclass

from sipua.bridge.agent.realtime.protocol import ResponseParams
from sipua.bridge.agent.speech.formats import Clip
from sipua.bridge.agent.wire.outbox import Outbox

WORDS_S = 5.0  # an answer waits so long for the words of its turn


@dataclass(frozen=True, slots=True)
class Recording:
    """A turn whose words the recogniser should find."""

    item_id: str
    clip: Clip


class TranscriptWait:
    __slots__ = ("_awaited_id", "_out", "_recordings", "_uses_words", "_waiting", "due_s", "words")

    def __init__(self, outbox: Outbox, *, uses_words: bool) -> None:
        self.words: str | None = None  # of the last turn, when they were found
        self.due_s: float | None = None  # the answer waits until then
        self._out = outbox
        self._uses_words = uses_words
        self._recordings: list[Recording] = []
        self._awaited_id: str | None = None
        self._waiting: ResponseParams | None = None

    def turn(self, item_id: str, clip: Clip, *, transcribed: bool) -> None:
        self.words = None
        if self._uses_words and clip.data:
            self._awaited_id = item_id
            self._recordings.append(Recording(item_id, clip))
        elif transcribed:
            self._transcript(item_id, clip.transcript, clip.duration_ms)

    def take_recordings(self) -> list[Recording]:
        taken, self._recordings = self._recordings, []
        return taken

    def awaits(self, params: ResponseParams, now: float) -> bool:
        """Whether this answer has to wait for words; `ready` gives it later."""
        if self._awaited_id is None:
            return False
        self._waiting = params
        self.due_s = now + WORDS_S
        return True

    def found(self, recording: Recording, words: str | None, *, transcribed: bool) -> None:
        """Take the words of a recording; None: the recogniser had no result."""
        if transcribed:
            self._transcript(recording.item_id, words or "", recording.clip.duration_ms)
        if recording.item_id == self._awaited_id:
            self._awaited_id = None
            self.words = words

    def ready(self, now: float) -> ResponseParams | None:
        """The answer that waited, once it need not wait."""
        if self._waiting is None or self.due_s is None:
            return None
        if self._awaited_id is not None and now < self.due_s:
            return None
        waited = self._waiting
        self.drop()
        return waited

    def drop(self) -> None:
        """Stop waiting for words."""
        self._awaited_id = self._waiting = self.due_s = None

    def _transcript(self, item_id: str, text: str, duration_ms: int) -> None:
        self._out.event(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": duration_ms / 1000},
        )
