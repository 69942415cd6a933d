"""One answer on its way to the client.

Audio leaves several times faster than it plays, each piece at its own deadline, with the words that
are said in it. A client that plays at once has played all of it at `plays_s`: so long the agent
believes that it speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipua.bridge.agent.live.conversation import sent_clip
from sipua.bridge.agent.realtime.response import Answer
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import Clip, WireFormat


class Delivery:
    __slots__ = (
        "_clip",
        "_sent",
        "_settings",
        "_start_s",
        "_words",
        "_words_sent",
        "answer",
        "due_s",
        "generated",
        "plays_s",
    )

    def __init__(
        self, answer: Answer, form: WireFormat, settings: AgentSettings, now: float
    ) -> None:
        self.answer = answer
        self.generated = False
        """All audio has left, and the client was told."""
        self._settings = settings
        self._clip = sent_clip(answer, form) or Clip(b"", form, "")
        self._words = re.findall(r"\S+\s*", self._clip.transcript)
        self._words_sent = 0
        self._sent = 0
        self._start_s = now + settings.latency_ms / 1000
        self.plays_s = self._start_s + self._clip.duration_ms / 1000
        self.due_s: float = self._start_s

    @property
    def sent_ms(self) -> int:
        return self._clip.format.duration_ms(self._sent)

    def pieces(self, now: float) -> Iterator[bytes]:
        """Those that are due."""
        while not self._sent_all and self.due_s <= now:
            yield self._next()

    def has_left(self, now: float) -> bool:
        """All of it."""
        return self._sent_all and self.due_s <= now

    def words(self) -> str:
        """That belong to what has left, and were not taken yet."""
        share = self._sent / len(self._clip.data)
        count = max(1, round(share * len(self._words)))
        text = "".join(self._words[self._words_sent : count])
        self._words_sent = max(self._words_sent, count)
        return text

    def all_words(self) -> str:
        """That were not taken yet."""
        text, self._words = "".join(self._words[self._words_sent :]), []
        return text

    def completed(self) -> None:
        """It plays until its end now."""
        self.generated = True
        self.due_s = self.plays_s

    def stop(self) -> None:
        """Nothing more comes of it, and no end."""
        self.due_s = float("inf")

    @property
    def _sent_all(self) -> bool:
        return self._sent >= len(self._clip.data)

    def _next(self) -> bytes:
        settings, form = self._settings, self._clip.format
        size_ms = settings.delta_ms if self._sent else settings.first_delta_ms
        size = len(self._clip.data) if self.answer.at_once else size_ms * form.bytes_per_ms
        piece = self._clip.data[self._sent : self._sent + size]
        self._sent += len(piece)
        self.due_s = self._start_s + self.sent_ms / 1000 / settings.speed
        return piece
