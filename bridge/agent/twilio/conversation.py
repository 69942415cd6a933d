"""One call over Twilio's Media Streams, in the part of the agent: its messages in, ours out.

    connected ─▶ start ─▶ greeting … ─▶ stop, or `#`: we close, and so hang up

It behaves as agents in use do. It answers nothing, sends its audio in pieces with a mark behind
each, and knows by the marks that come back what was heard. A caller who speaks into an answer, or
presses `*`, has it dropped (`clear`).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec
import pybase64

from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.speech.formats import PCMU, Clip
from sipua.bridge.agent.streams.conversation import PIECE_MS, PiecewiseConversation


class _Media(msgspec.Struct):
    payload: str


class _Mark(msgspec.Struct):
    name: str


class _Dtmf(msgspec.Struct):
    digit: str


class _Start(msgspec.Struct):
    streamSid: str  # noqa: N815 - as it is on the wire


class _EdgeMessage(msgspec.Struct):
    event: str
    start: _Start | None = None
    media: _Media | None = None
    mark: _Mark | None = None
    dtmf: _Dtmf | None = None


_DECODER: Final = msgspec.json.Decoder(_EdgeMessage)


class StreamConversation(PiecewiseConversation):
    def __init__(self, shared: SharedAgentState, *, entropy: str, now: float) -> None:
        """`entropy`: what its name in the log is made of."""
        super().__init__(shared, f"stream_{entropy}", now)
        self._input = self._ears(PCMU)
        self.stream_sid = ""
        """The other side's name for the stream."""
        self._marks = 0
        self._unheard: deque[str] = deque()

    def _take(self, message: bytes | str) -> None:
        self._follow(_DECODER.decode(message))

    def _follow(self, told: _EdgeMessage) -> None:
        if told.start is not None:
            self.stream_sid = told.start.streamSid
            self._say(self._speaker.reply(None, PCMU))
        elif told.media is not None:
            self._hear(self._input, pybase64.b64decode(told.media.payload, None, True))
        elif told.mark is not None:
            self._heard(told.mark.name)
        elif told.dtmf is not None:
            self._key(told.dtmf.digit)
        elif told.event == "stop":
            self.closed = True
        elif told.event != "connected":
            raise ValueError(told.event)

    def _heard(self, name: str) -> None:
        """Marks come back in their order, or the edge is wrong."""
        if not self._unheard or self._unheard.popleft() != name:
            raise ValueError(name)

    def _key(self, digit: str) -> None:
        if digit == "*":
            self._drop()
        self.closed = self.closed or digit == "#"

    def _drop(self) -> None:
        if self._unheard:
            self.counters.interrupted += 1
            self._send("clear")

    def _say(self, clip: Clip | None) -> None:
        if clip is None:
            return
        self.counters.responses += 1
        size = PIECE_MS * PCMU.bytes_per_ms
        for begin in range(0, len(clip.data), size):
            piece = pybase64.b64encode_as_string(clip.data[begin : begin + size])
            self._send("media", media={"payload": piece})
            self._marks += 1
            self._unheard.append(f"piece-{self._marks}")
            self._send("mark", mark={"name": self._unheard[-1]})

    def _send(self, event: str, **about: object) -> None:
        message = {"event": event, "streamSid": self.stream_sid, **about}
        self._out.append(msgspec.json.encode(message))
