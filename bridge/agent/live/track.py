"""The one audio track of a Live session: silence and speech.

It moves with the session's time, which is the audio that the client appends, and leaves in deltas
of 0.1 s. When the caller speaks into the speech, it goes on for `GIVE_WAY_MS` and falls silent, as
an interrupted speaker does.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sipua.bridge.agent.live.protocol import LiveOutbox
from sipua.bridge.agent.speech.formats import Clip, WireFormat

STEP_MS = 100
GIVE_WAY_MS = 300
MAX_QUEUED = 8  # pieces of speech in the queue


@dataclass(slots=True)
class _Speech:
    data: bytes
    words: list[str]  # of the whole speech, before it was cut short
    whole: int  # its bytes
    then: Callable[[], None] | None  # called when it was sent to its end
    sent: int = 0  # bytes sent
    words_sent: int = 0  # words sent


class Track:
    __slots__ = ("_format", "_outbox", "_pause_ms", "_queue", "_silence", "position_ms")

    def __init__(self, form: WireFormat, outbox: LiveOutbox) -> None:
        self._format = form
        self._outbox = outbox
        silent = 0 if form.law is None else form.law.silence
        self._silence = bytes([silent]) * (form.bytes_per_ms * STEP_MS)
        self._queue: deque[_Speech] = deque()
        self._pause_ms = 0  # before the next speech
        self.position_ms = 0

    @property
    def speaking(self) -> bool:
        return bool(self._queue)

    def say(self, clip: Clip, *, after_ms: int = 0, then: Callable[[], None] | None = None) -> None:
        if not self._queue:
            self._pause_ms = after_ms
        if len(self._queue) < MAX_QUEUED:
            words = re.findall(r"\S+\s*", clip.transcript)
            self._queue.append(_Speech(clip.data, words, len(clip.data), then))

    def give_way(self) -> bool:
        """Stop soon, as the caller speaks; False: there was nothing to stop."""
        if not self._queue:
            return False
        speech = self._queue[0]
        self._queue = deque([speech] if speech.sent else [])
        end = speech.sent + GIVE_WAY_MS * self._format.bytes_per_ms
        speech.data = speech.data[:end]
        speech.then = None
        return True

    def step(self) -> None:
        """Send the next 0.1 s."""
        size = STEP_MS * self._format.bytes_per_ms
        audio = b""
        speech: _Speech | None = None
        if self._pause_ms > 0:
            self._pause_ms -= STEP_MS
        elif self._queue:
            speech = self._queue[0]
            audio = self._speak(speech, size)
        self._outbox.audio(audio + self._silence[len(audio) :])
        self.position_ms += STEP_MS
        if speech is not None and speech.sent >= len(speech.data):
            self._queue.popleft()
            if speech.then is not None:
                speech.then()

    def _speak(self, speech: _Speech, size: int) -> bytes:
        audio = speech.data[speech.sent : speech.sent + size]
        speech.sent += len(audio)
        share = speech.sent / speech.whole if speech.whole else 1.0
        count = max(1, round(share * len(speech.words)))
        text = "".join(speech.words[speech.words_sent : count])
        speech.words_sent = max(speech.words_sent, count)
        if text:
            self._outbox.words("output", text, (self.position_ms, self.position_ms + STEP_MS))
        return audio
