"""One answer of a Gemini session on its way to the client.

Audio leaves several times faster than it plays, each piece at its own deadline, with the words that
are said in it. Then comes generationComplete, and turnComplete when a client that plays at once has
played all of it: so long the model believes that it speaks.
"""

import re

from sipua.bridge.agent.gemini.protocol import Outbox
from sipua.bridge.agent.live.conversation import sent_clip
from sipua.bridge.agent.realtime.response import Answer
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import PCM, Clip

TOKENS_PER_S = 25  # of audio, either way


class Generation:
    __slots__ = (
        "_clip",
        "_outbox",
        "_plays_s",
        "_sent",
        "_settings",
        "_start_s",
        "_transcribed",
        "_words",
        "_words_sent",
        "answer",
        "due_s",
        "generated",
    )

    def __init__(
        self,
        answer: Answer,
        outbox: Outbox,
        settings: AgentSettings,
        *,
        transcribed: bool,
        now: float,
    ) -> None:
        self.answer = answer
        self.generated = False
        """All audio has left: an interruption is none of the model's any more."""
        self._outbox = outbox
        self._settings = settings
        self._transcribed = transcribed
        self._clip = sent_clip(answer, PCM) or Clip(b"", PCM, "")
        self._words = re.findall(r"\S+\s*", self._clip.transcript)
        self._words_sent = 0
        self._sent = 0
        self._start_s = now + settings.latency_ms / 1000
        self._plays_s = self._start_s + self._clip.duration_ms / 1000
        self.due_s: float = self._start_s

    @property
    def sent_all(self) -> bool:
        return self._sent >= len(self._clip.data)

    @property
    def tokens(self) -> int:
        return PCM.duration_ms(self._sent) * TOKENS_PER_S // 1000

    def advance(self, now: float) -> bool:
        """Send what is due; whether all of it has left."""
        while not self.sent_all and self.due_s <= now:
            self._step()
        return self.sent_all and self.due_s <= now

    def complete(self) -> None:
        """It was generated, and plays until `due_s`."""
        self.generated = True
        self.due_s = self._plays_s
        self._outbox.say(serverContent={"generationComplete": True})

    def _step(self) -> None:
        settings = self._settings
        size_ms = settings.delta_ms if self._sent else settings.first_delta_ms
        size = len(self._clip.data) if self.answer.at_once else size_ms * PCM.bytes_per_ms
        piece = self._clip.data[self._sent : self._sent + size]
        self._sent += len(piece)
        self._outbox.audio(piece, PCM.rate)
        self._say_words()
        self.due_s = self._start_s + PCM.duration_ms(self._sent) / 1000 / settings.speed

    def _say_words(self) -> None:
        share = self._sent / len(self._clip.data)
        count = max(1, round(share * len(self._words)))
        text = "".join(self._words[self._words_sent : count])
        self._words_sent = max(self._words_sent, count)
        if text and self._transcribed:
            self._outbox.say(serverContent={"outputTranscription": {"text": text}})
