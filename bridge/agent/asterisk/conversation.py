"""One call over chan_websocket, in the part of the agent: its events and audio in, ours out.

    MEDIA_START ─▶ ANSWER, greeting … ─▶ `#`: HANGUP ─▶ the other side closes

It behaves as agents in use do. An answer is one buffering, in pieces of no whole frame, with a mark
behind each piece: the marks that come back say what was heard, and how much more may be sent.
Asterisk's queue has 20 s and drops what is beyond that. A caller who speaks into an answer, or
presses `*`, has it dropped (`FLUSH_MEDIA`); what was dropped is never marked, unless its mark was
on its way already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, TypeAlias

from sipua.bridge.agent.asterisk.messages import Commands, Told, is_json, read
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.speech.formats import PCM, PCMA, PCMU, Clip, WireFormat, linear
from sipua.bridge.agent.speech.input_turns import InputTurnDetector
from sipua.bridge.agent.streams.conversation import PIECE_MS, PiecewiseConversation
from sipua.bridge.agent.wire.audio_message import AudioMessage

FORMATS: Final[Mapping[str, WireFormat]] = {
    "ulaw": PCMU,
    "alaw": PCMA,
    "slin": linear(8_000),
    "slin16": linear(16_000),
    "slin24": PCM,
}
AHEAD: Final = 10_000 // PIECE_MS
"""So many pieces are sent before the first of them was heard: half of Asterisk's queue."""
MAX_MESSAGE_BYTES: Final = 64 * 1024
"""Asterisk's own have a frame of audio, or the variables of a channel."""

_Awaited: TypeAlias = tuple[str, str]
"""An event and its id, that tell what was heard."""


class ChannelConversation(PiecewiseConversation):
    def __init__(self, shared: SharedAgentState, *, entropy: str, now: float) -> None:
        """`entropy`: what its name in the log is made of."""
        super().__init__(shared, f"channel_{entropy}", now)
        self.channel_id = ""
        """The other side's name for the call."""
        self._input: InputTurnDetector | None = None  # None: there was no MEDIA_START
        self._commands = Commands(as_json=False)
        self._hung_up = False
        self._pieces = self._answers = 0
        self._waiting: deque[AudioMessage] = deque()  # of what is being said, not sent yet
        self._held = False  # by MEDIA_XOFF
        self._unheard: deque[_Awaited] = deque()
        self._dropped: set[_Awaited] = set()  # by the last flush: may have been on their way

    # What it is told. Each raises ValueError for what the protocol does not have.

    def _take(self, message: bytes | str) -> None:
        if self._hung_up:
            return
        if isinstance(message, str):
            message = message.encode()
        if len(message) > MAX_MESSAGE_BYTES:
            raise ValueError("oversize")
        if isinstance(message, AudioMessage):
            if self._input is None:
                raise ValueError("audio before MEDIA_START")
            self._hear(self._input, message)
        else:
            self._follow(read(message), as_json=is_json(message))

    def _follow(self, told: Told, *, as_json: bool) -> None:
        if self._input is None and told.event != "MEDIA_START":
            raise ValueError(told.event)
        match told.event:
            case "MEDIA_START":
                self._begin(told, as_json=as_json)
            case "MEDIA_MARK_PROCESSED" | "MEDIA_BUFFERING_COMPLETED":
                self._heard((told.event, told.correlation_id))
                self._send_on()
            case "DTMF_END":
                self._key(told.digit)
            case "MEDIA_XOFF":
                self._held = True
            case "MEDIA_XON":
                self._held = False
                self._send_on()
            case _:  # answers to what was never asked, and ERROR
                raise ValueError(told.event)

    def _begin(self, told: Told, *, as_json: bool) -> None:
        if self._input is not None:
            raise ValueError("a second MEDIA_START")
        self.channel_id = told.channel_id
        self._commands = Commands(as_json=as_json)
        wire = FORMATS.get(told.format)
        if wire is None:
            self._hang_up()
            raise ValueError(f"format {told.format}")
        self._input = self._ears(wire)
        self._send("ANSWER")
        self._say(self._speaker.reply(None, wire))

    def _heard(self, what: _Awaited) -> None:
        """What was sent is heard in its order, or the other side is wrong."""
        if self._unheard and self._unheard[0] == what:
            self._unheard.popleft()
            self._dropped.clear()  # nothing from before the flush can come any more
        elif what in self._dropped:
            self._dropped.remove(what)
        else:
            raise ValueError(what)

    def _key(self, digit: str) -> None:
        if digit == "*":
            self._drop()
        elif digit == "#":
            self._hang_up()

    # What it says

    def _say(self, clip: Clip | None) -> None:
        if clip is None or not clip.data:
            return
        self.counters.responses += 1
        size = PIECE_MS * clip.format.bytes_per_ms
        pieces = range(0, len(clip.data), size)
        self._waiting.extend(AudioMessage(clip.data[begin : begin + size]) for begin in pieces)
        self._send("START_MEDIA_BUFFERING")
        self._send_on()

    def _send_on(self) -> None:
        while self._waiting and not self._held and len(self._unheard) < AHEAD:
            self._out.append(self._waiting.popleft())
            self._pieces += 1
            self._send("MARK_MEDIA", name := f"piece-{self._pieces}")
            self._unheard.append(("MEDIA_MARK_PROCESSED", name))
            if not self._waiting:
                self._answers += 1
                self._send("STOP_MEDIA_BUFFERING", name := f"answer-{self._answers}")
                self._unheard.append(("MEDIA_BUFFERING_COMPLETED", name))

    def _drop(self) -> None:
        if not self._unheard and not self._waiting:
            return
        self.counters.interrupted += 1
        self._dropped = set(self._unheard)
        self._unheard.clear()
        self._waiting.clear()
        self._send("FLUSH_MEDIA")

    def _hang_up(self) -> None:
        self._hung_up = True
        self._waiting.clear()
        self._send("HANGUP")

    def _send(self, command: str, correlation_id: str = "") -> None:
        self._out.append(self._commands.make(command, correlation_id))
