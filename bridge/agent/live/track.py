"""The one audio track of a Live session: silence, and what is said in it.

It moves when the session's time does, which is the audio that the client appends, and leaves in
deltas of a tenth of a second. Whoever talks into it is heard: then it goes on for `GIVE_WAY_MS`
and falls silent, as a speaker does who is interrupted.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sipua.bridge.agent.live.protocol import LiveOutbox
from sipua.bridge.agent.speech.formats import Clip, WireFormat

STEP_MS = 100
GIVE_WAY_MS = 300
MAX_QUEUED = 8  # pieces of speech that wait for their turn


@dataclass(slots=True)
class _Speech:
    data: bytes
    words: list[str]  # of all that it was before it was cut short
    whole: int  # bytes of that
    then: Callable[[], None] | None  # when it was said to its end
    sent: int = 0  # bytes
    told: int = 0  # words


class Track:
    __slots__ = ("_format", "_outbox", "_pause_ms", "_queue", "_silence", "position_ms")

    def __init__(self, form: WireFormat, outbox: LiveOutbox) -> None:
        self._format = form
        self._outbox = outbox
        silent = 0 if form.law is None else form.law.silence
        self._silence = bytes([silent]) * (form.bytes_per_ms * STEP_MS)
        self._queue: deque[_Speech] = deque()
        self._pause_ms = 0  # before what is said next
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
        """Somebody else speaks. Whether there was anything to stop."""
        if not self._queue:
            return False
        speech = self._queue[0]
        self._queue = deque([speech] if speech.sent else [])
        end = speech.sent + GIVE_WAY_MS * self._format.bytes_per_ms
        speech.data = speech.data[:end]
        speech.then = None
        return True

    def step(self) -> None:
        """The next tenth of a second."""
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
        text = "".join(speech.words[speech.told : count])
        speech.told = max(speech.told, count)
        if text:
            self._outbox.words("output", text, (self.position_ms, self.position_ms + STEP_MS))
        return audio
