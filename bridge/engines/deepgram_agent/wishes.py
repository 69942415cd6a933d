"""What a Voice Agent is to answer that the caller has not said: one user's message at a time.

It refuses a message while a side speaks, and by its own idea of when it has finished to speak, so
one that is refused is sent again after `AGAIN_MS`, some times.
"""

from __future__ import annotations

from collections import deque
from typing import Final

AGAIN_MS: Final = 1000
MAX_REFUSALS: Final = 20  # of one message
MAX_CHARS: Final = 16_384  # of what waits
_ECHOES: Final = 8


class Wishes:
    def __init__(self) -> None:
        self.expects = False
        """The agent is about to answer something: another message would come in between."""
        self.refused = 0
        self.dropped = 0
        self._waiting: list[str] = []
        self._sent = ""
        self._refusals = 0  # of what was sent last
        self._not_before_ms = 0.0
        self._echoes: deque[str] = deque(maxlen=_ECHOES)

    def add(self, text: str) -> None:
        if sum(map(len, self._waiting)) + len(text) > MAX_CHARS:
            self.dropped += 1
        else:
            self._waiting.append(text)

    def take(self, now_ms: float) -> str:
        """The message to send now, all wishes in one; empty: none."""
        if self.expects or not self._waiting or now_ms < self._not_before_ms:
            return ""
        self._sent, self._waiting = "\n".join(self._waiting), []
        self._echoes.append(self._sent)
        self.expects = True
        return self._sent

    def answered(self) -> None:
        """The agent has begun to say something."""
        self.expects = False
        self._sent, self._refusals = "", 0

    def was_refused(self, now_ms: float) -> None:
        sent, self._sent = self._sent, ""
        if not sent:
            return
        self.expects = False
        self.refused += 1
        self._refusals += 1
        self._not_before_ms = now_ms + AGAIN_MS
        if sent in self._echoes:
            self._echoes.remove(sent)
        if self._refusals >= MAX_REFUSALS:
            self._refusals = 0
            self.dropped += 1
        else:
            self._waiting.insert(0, sent)

    def is_echo(self, text: str) -> bool:
        """The agent tells as the caller's words what we have sent."""
        if text not in self._echoes:
            return False
        self._echoes.remove(text)
        return True
