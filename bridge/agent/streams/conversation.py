"""One call over a protocol that carries audio and marks alone, in the part of the agent: what the
conversations of all these protocols share.

They answer nothing but audio, which has neither transcripts nor items. An answer is sent in pieces
with a mark behind each; a caller who speaks into it has the rest of it dropped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import msgspec

from sipua.bridge.agent.realtime.conversation import Counters
from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.realtime.transcript_wait import Recording
from sipua.bridge.agent.speech.formats import Clip, WireFormat
from sipua.bridge.agent.speech.input_turns import InputTurnDetector, Turn
from sipua.bridge.agent.speech.speaker import Speaker
from sipua.codecs.vad import VadConfig

PIECE_MS: Final = 150
"""No multiple of a frame, as models give their audio out."""


class PiecewiseConversation(ABC):
    def __init__(self, shared: SharedAgentState, name: str, now: float) -> None:
        """`name`: in the log."""
        self._settings = settings = shared.settings
        self.id = name
        self.counters = Counters()
        self.expired = self.closed = False
        self.loss: Loss | None = None  # scenarios have no step for it
        self._expires_s = now + settings.session_limit_s
        self._speaker = Speaker(settings.mode, greeting=settings.greeting)
        self._out: list[bytes] = []

    def start(self) -> list[bytes]:
        return []  # the other side speaks first

    def receive(self, message: bytes | str, now: float) -> list[bytes]:
        self.counters.messages += 1
        try:
            self._take(message)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
            self.counters.client_errors += 1
        out, self._out = self._out, []
        return out

    def take_warnings(self) -> list[dict[str, object]]:
        return []

    def take_recordings(self) -> list[Recording]:
        return []  # there are no transcripts

    def words_found(self, recording: Recording, words: str | None, now: float) -> list[bytes]:
        return []

    def next_deadline(self) -> float:
        return self._expires_s

    def handle_timer(self, now: float) -> list[bytes]:
        self.expired = now >= self._expires_s
        return []

    def _ears(self, wire: WireFormat) -> InputTurnDetector:
        settings = self._settings
        vad = VadConfig(settings.threshold, settings.prefix_padding_ms, settings.silence_ms)
        return InputTurnDetector(wire, vad, settings.max_input_s)

    def _hear(self, ears: InputTurnDetector, audio: bytes) -> None:
        wire = ears.format
        for event in ears.append(audio):
            if isinstance(event, Turn):
                self.counters.turns += 1
                self._say(self._speaker.reply(Clip(event.audio, wire, ""), wire))
            else:
                self._drop()

    @abstractmethod
    def _take(self, message: bytes | str) -> None:
        """Raises ValueError for what the protocol does not have."""

    @abstractmethod
    def _say(self, clip: Clip | None) -> None: ...

    @abstractmethod
    def _drop(self) -> None:
        """What is being said, if anything is."""
