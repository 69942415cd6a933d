"""A client of the local agent's Gemini sessions, without a socket and with a clock of its own; all
that is said, both ways, is judged by the vendor's types."""

import base64
import json
from typing import Any

import numpy as np

from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.voice import Voices
from sipua.bridge.agent.turns.gemini.conversation import GeminiConversation
from sipua.bridge.agent.turns.gemini.resumption import Resumptions
from support.engine.gemini_types import Message, accepted_client_message, accepted_server_message
from support.media import audio

SETUP: Message = {
    "model": "models/m",
    "generationConfig": {"responseModalities": ["AUDIO"]},
    "realtimeInputConfig": {},
    "sessionResumption": {},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
}


class GeminiClient:
    def __init__(
        self,
        settings: AgentSettings | None = None,
        resumptions: Resumptions | None = None,
        **setup: Any,
    ) -> None:
        settings = settings or AgentSettings()
        shared = SharedAgentState(settings, Voices.prepared(settings.scenario))
        self.now = 0.0
        self.conversation = GeminiConversation(
            shared, resumptions or Resumptions(), entropy="e", now=self.now
        )
        self.log: list[Message] = []
        self.send(setup={**SETUP, **setup})

    def send(self, **content: Any) -> list[Message]:
        message = json.dumps(content)
        accepted_client_message(message)
        return self.raw(message)

    def raw(self, message: bytes | str) -> list[Message]:
        return self._got(self.conversation.receive(message, self.now))

    def say(self, text: str) -> list[Message]:
        turn = {"role": "user", "parts": [{"text": text}]}
        return self.send(clientContent={"turns": [turn], "turnComplete": True})

    def speak(self, ms: int, *, quiet_ms: int = 0, rate: int = 16_000) -> list[Message]:
        """The caller does, and is silent then; it takes its time."""
        pcm = np.concatenate([audio.tone(300, ms, rate), np.zeros(quiet_ms * rate // 1000, "<i2")])
        got, size = [], rate // 50
        for start in range(0, pcm.size, size):
            data = base64.b64encode(pcm[start : start + size].astype("<i2").tobytes()).decode()
            blob = {"mimeType": f"audio/pcm;rate={rate}", "data": data}
            got += self.send(realtimeInput={"audio": blob})
            got += self.wait(0.02)
        return got

    def wait(self, seconds: float) -> list[Message]:
        end, got = self.now + seconds, []
        while not self.conversation.expired and (due := self.conversation.next_deadline()) <= end:
            self.now = max(self.now, due)
            got += self._got(self.conversation.handle_timer(self.now))
        self.now = end
        return got

    def _got(self, messages: list[bytes]) -> list[Message]:
        got = [accepted_server_message(message) for message in messages]
        self.log += got
        return got


def sound_ms(messages: list[Message]) -> int:
    size = 0
    for one in messages:
        turn = one.get("serverContent", {}).get("modelTurn", {"parts": []})
        size += sum(len(base64.b64decode(part["inlineData"]["data"])) for part in turn["parts"])
    return size // 48


def steps(messages: list[Message]) -> list[str]:
    """What ends an answer, in order."""
    names = (
        "interrupted",
        "generationComplete",
        "turnComplete",
        "toolCall",
        "toolCallCancellation",
    )
    told = [{**one, **one.get("serverContent", {})} for one in messages]
    return [name for one in told for name in names if name in one]
