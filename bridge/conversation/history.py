"""What was said in a call so far, as the next session is to be told it.

    caller     a turn begins its piece with its sound; the transcript, if one comes, replaces it
    model      a transcript, cut to what was heard where the caller interrupted or the line broke
    tools      a call, then its result: one piece, so that neither is ever told without the other
    injected   as it is: a text to the model that no side has said

Bounded while it grows: beyond the window the oldest goes, except a tool call that still runs.
"""

from __future__ import annotations

from typing import Final

from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import AudioDone, Event, ToolCall, Transcript
from sipua.bridge.engine_api.settings import (
    InjectedRole,
    Past,
    PastMessage,
    PastSpeech,
    PastToolCall,
)

_CODES_PER_S: Final = 8000
# Of speech whose length in text is not known yet; what this call has shown replaces it.
_USUAL_CHARS_PER_MS: Final = 0.015
# Too short to tell the rate of speech from.
_TELLING_MS: Final = 1000
# A tool that never answers must not fill the memory: their number is bounded too.
_RUNNING_CALLS: Final = 32
_CUT_MARK: Final = " …"


class _Message:
    __slots__ = ("audio_ms", "chars", "cut_ms", "ended", "pieces", "role", "speech", "text")

    def __init__(self, role: str) -> None:
        self.role = role
        self.text = ""  # the whole, once it is known
        self.pieces: list[str] = []  # until then
        self.chars = 0  # in pieces, those included that were too many
        self.speech = b""  # of the caller, µ-law
        self.audio_ms = 0.0  # of the model, received
        self.cut_ms: float | None = None
        self.ended = False  # no more of its audio comes

    @property
    def said(self) -> str:
        return self.text or "".join(self.pieces)


class _Call:
    __slots__ = ("call",)

    def __init__(self, call: PastToolCall) -> None:
        self.call = call


class History:
    def __init__(self, policy: DialoguePolicy) -> None:
        self._max_items = policy.history_items
        self._max_chars = policy.history_chars
        self._max_speech = int(policy.history_speech_s * _CODES_PER_S)
        self._pieces: list[_Message | _Call] = []
        self._messages: dict[str, _Message] = {}  # by item
        self._earlier: dict[str, _Message] = {}  # of earlier sessions
        self._running: dict[str, _Call] = {}
        self._chars_per_ms = _USUAL_CHARS_PER_MS
        self.revision = 0
        """Goes up when a session that was told the past before is no longer told all of it."""
        self.trimmed = 0

    def follow(self, event: Event) -> None:
        """Keep the words of an event; most events have none."""
        match event:
            case AudioDone():
                self.audio_ended(event.item_id)
            case Transcript():
                self.transcript(event)
            case ToolCall():
                self.tool_called(event)

    # The model

    def audio(self, item_id: str, audio_ms: float) -> None:
        """So much more of an item's audio came."""
        message = self._messages.get(item_id)
        if message is None:
            message = self._message(item_id, "assistant")
        message.audio_ms += audio_ms

    def audio_ended(self, item_id: str) -> None:
        message = self._messages.get(item_id)
        if message is not None:
            message.ended = True
            self._learn_rate(message)

    def transcript(self, event: Transcript) -> None:
        message = self._messages.get(event.item_id) or self._message(event.item_id, event.role)
        if not event.final:
            message.chars += len(event.text)
            if (
                event.text and message.chars <= self._max_chars
            ):  # what comes beyond is cut off later anyway
                message.pieces.append(event.text)
            return
        message.text = event.text
        message.pieces.clear()
        if event.text:
            message.speech = b""
        self._learn_rate(message)
        self.revision += 1
        self._trim()

    def truncated(self, item_id: str, heard_ms: int) -> None:
        """The caller has heard this much of it and will hear no more."""
        message = self._messages.get(item_id) or self._earlier.get(item_id)
        if message is not None and message.cut_ms is None:
            message.cut_ms = heard_ms
            self.revision += 1

    def broken_off(self) -> None:
        """The session is lost: of what it was saying, the caller hears the audio that came."""
        for message in self._messages.values():
            if message.role == "assistant" and not message.ended and message.cut_ms is None:
                message.cut_ms = message.audio_ms

    # The caller

    def caller_said(self, item_id: str, mulaw: bytes) -> None:
        """A turn of the caller has ended."""
        message = self._messages.get(item_id) or self._message(item_id, "user")
        if not message.text:
            message.speech = mulaw[-self._max_speech :] if self._max_speech else b""
        self.revision += 1
        self._trim()

    def injected(self, role: InjectedRole, text: str) -> None:
        """A text that no side has said."""
        message = _Message(role)
        message.text = text
        self._pieces.append(message)
        self.revision += 1
        self._trim()

    # Tools

    def tool_called(self, call: ToolCall) -> None:
        entry = _Call(PastToolCall(call.call_id, call.name, call.arguments, None))
        self._pieces.append(entry)
        if len(self._running) == _RUNNING_CALLS:
            self._pieces.remove(self._running.pop(next(iter(self._running))))
            self.trimmed += 1
        self._running[call.call_id] = entry
        self.revision += 1
        self._trim()

    def tool_returned(self, call_id: str, output: str) -> None:
        entry = self._running.pop(call_id, None)
        if entry is not None:
            call = entry.call
            entry.call = PastToolCall(call.call_id, call.name, call.arguments, output)
            # Trimmed with the next piece: a session that was told of the call may want this yet.

    @property
    def running(self) -> frozenset[str]:
        """Tool calls without a result."""
        return frozenset(self._running)

    def output_of(self, call_id: str) -> str | None:
        for entry in reversed(self._pieces):
            if isinstance(entry, _Call) and entry.call.call_id == call_id:
                return entry.call.output
        return None

    # The next session

    def past(self) -> list[Past]:
        found = (self._told(piece) for piece in self._pieces)
        return [piece for piece in found if piece is not None]

    def next_session(self) -> None:
        """Another session begins, which may use the same names for other items."""
        self._earlier |= self._messages
        self._messages = {}

    def _message(self, item_id: str, role: str) -> _Message:
        message = self._messages[item_id] = _Message(role)
        self._pieces.append(message)
        self.revision += 1
        self._trim()
        return message

    def _told(self, piece: _Message | _Call) -> Past | None:
        if isinstance(piece, _Call):
            return piece.call
        if piece.role == "system":
            return PastMessage("system", piece.text)
        if piece.role == "user":
            text = piece.said.strip()
            if text and (piece.text or not piece.speech):
                return PastMessage("user", text)
            return PastSpeech(piece.speech) if piece.speech else None
        text = self._heard(piece).strip()
        return PastMessage("assistant", text) if text else None

    def _heard(self, message: _Message) -> str:
        """The model's text as far as the caller heard it, to a whole word."""
        text = message.said
        if message.cut_ms is None:
            return text
        # Whole text and whole audio give the rate; until both are there it is this call's usual.
        known = message.ended and message.text and message.audio_ms > 0
        rate = len(text) / message.audio_ms if known else self._chars_per_ms
        chars = int(message.cut_ms * rate)
        if chars >= len(text):
            return text
        if chars <= 0:
            return ""
        words = text[:chars] if text[chars].isspace() else text[:chars].rpartition(" ")[0]
        return words.rstrip() + _CUT_MARK if words.strip() else ""

    def _learn_rate(self, message: _Message) -> None:
        whole = message.ended and message.text and message.cut_ms is None
        if whole and message.role == "assistant" and message.audio_ms >= _TELLING_MS:
            self._chars_per_ms = len(message.text) / message.audio_ms

    # Bounds

    def _trim(self) -> None:
        """Newest first, as much as fits; the rest goes."""
        chars, speech, items = self._max_chars, self._max_speech, self._max_items
        kept: list[_Message | _Call] = []
        newest = True
        for piece in reversed(self._pieces):
            size = _chars(piece)
            sound = len(piece.speech) if isinstance(piece, _Message) else 0
            if sound > speech and isinstance(piece, _Message):
                piece.speech, sound = b"", 0
            runs = isinstance(piece, _Call) and piece.call.output is None
            if runs and isinstance(piece, _Call) and piece.call.call_id in self._running:
                kept.append(piece)
                continue
            if newest and size > chars:
                _shorten(piece, chars)
                size = _chars(piece)
            newest = False
            if items <= len(kept) or size > chars:
                chars = 0  # nothing older either: a past with holes misleads
                items = 0
                continue
            chars -= size
            speech -= sound
            kept.append(piece)
        if len(kept) == len(self._pieces):
            return
        self.trimmed += len(self._pieces) - len(kept)
        self._pieces = kept[::-1]
        here = set(map(id, kept))
        self._messages = {k: v for k, v in self._messages.items() if id(v) in here}
        self._earlier = {k: v for k, v in self._earlier.items() if id(v) in here}


def _chars(piece: _Message | _Call) -> int:
    if isinstance(piece, _Call):
        call = piece.call
        return len(call.name) + len(call.arguments) + len(call.output or "")
    return len(piece.text) + sum(map(len, piece.pieces))


def _shorten(piece: _Message | _Call, chars: int) -> None:
    """One piece that is longer than the whole window: its beginning, which says what it was."""
    if isinstance(piece, _Message):
        piece.text = piece.said[:chars]
        piece.pieces.clear()
        return
    call = piece.call
    room = max(chars - len(call.name) - len(call.arguments), 0)
    piece.call = PastToolCall(call.call_id, call.name, call.arguments, (call.output or "")[:room])
