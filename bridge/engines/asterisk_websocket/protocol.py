"""Asterisk's chan_websocket as a sans-IO protocol, in the part of Asterisk.

    we send MEDIA_START = SessionReady ─▶ audio, all the time ─▶ HANGUP, or either side closes

Audio is binary, in the format that MEDIA_START names; all else is text. The agent answers nothing:
what it sends is played as it comes, in pieces of any length. It has FLUSH_MEDIA for an
interruption, and MARK_MEDIA to be told when what it has sent was heard.

What differs from Asterisk: pieces of a frame that come outside of a buffering are played and not
dropped; beyond the 1,000 frames of Asterisk's queue ours goes on to ten minutes; ANSWER does
nothing, because the call is answered as the configuration says; PAUSE_MEDIA is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from sipua.bridge.engine_api.base import WaitingEngine
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineHangsUp,
    Event,
    PlayoutMark,
    SessionReady,
    Unknown,
    Unreadable,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine, Link
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engines.asterisk_websocket.messages import (
    Command,
    CommandError,
    Events,
    decode,
)
from sipua.bridge.engines.streams import agent
from sipua.bridge.engines.streams.speech_items import QUIET_MS, SpeechItems

SUBPROTOCOL: Final = "media"
FORMATS: Final[Mapping[AudioFormat, str]] = {
    AudioFormat.PCMU: "ulaw",
    AudioFormat.PCMA: "alaw",
    AudioFormat.PCM16_8K: "slin",
    AudioFormat.PCM16_16K: "slin16",
    AudioFormat.PCM16: "slin24",
}
_FRAME_MS: Final = 20
_XOFF_FRAMES: Final = 900
_XON_FRAMES: Final = 800
_MAX_MARKS: Final = 10_000
_DRAINED: Final = ""
"""The mark of ours that stands for QUEUE_DRAINED; an agent's always has a letter before it."""


class AsteriskWebsocket(WaitingEngine):
    """One channel. See `EngineProtocol` for what each method promises."""

    capabilities: Capabilities = agent.capabilities(FORMATS)

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
        self.name = "asterisk_websocket"
        self.hears = self.speaks = settings.audio
        self._frame_bytes = _FRAME_MS * settings.audio.bytes_per_ms
        call = settings.call or agent.NO_CALL
        self._channel_id = call.call_id
        self._variables = variables(call)
        self._write = Events(call.call_id, as_json=settings.control_messages == "json")
        self._speech = SpeechItems(QUIET_MS * settings.audio.bytes_per_ms)
        self._queued = 0  # bytes that it has sent and that were not heard, by the caller's clock
        self._full = self._buffering = False
        self._since_drain = -1  # bytes that came since QUEUE_DRAINED was asked for; -1: it is not
        self._marks = 0  # that wait
        self._counters = dict.fromkeys(
            (
                "events",
                "unknown",
                "bad_json",
                "malformed",
                "oversize",
                "empty_media",
                "marks",
                "marks_dropped",
                "clears",
                "digits_unknown",
                "refused",
            ),
            0,
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        self._events.append(SessionReady(self._channel_id))
        audio = FORMATS[self.hears]
        return (self._write.media_start(audio, self._frame_bytes, self._variables),)

    def append_audio(self, audio: bytes) -> bytes:
        if self._queued:
            self._queued = max(0, self._queued - len(audio))
            self._go_on()
        if not self._buffering and (item := self._speech.hears(len(audio))):
            self._events.append(AudioDone(item))
        return audio

    def digit(self, key: str, duration_ms: int) -> Sequence[bytes]:
        if key not in agent.KEYS:
            self._counters["digits_unknown"] += 1
            return ()
        return (self._write.dtmf_end(key),)

    def marked(self, name: str, *, played: bool) -> Sequence[bytes]:
        if name == _DRAINED:
            return self._drained(played=played)
        self._marks -= 1
        if not played:
            return ()  # Asterisk tells nothing of what it has dropped
        event = "MEDIA_MARK_PROCESSED" if name[0] == "m" else "MEDIA_BUFFERING_COMPLETED"
        return (self._write.answered(event, name[1:]),)

    def closed(self, code: int) -> Sequence[Event]:
        if code not in agent.DONE:
            return ()
        return (EngineHangsUp(f"the agent closed its websocket: {code}"),)

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _go_on(self) -> None:
        """The agent may, if it was told to wait."""
        if self._full and self._queued < _XON_FRAMES * self._frame_bytes:
            self._full = False
            self._outgoing.append(self._write.bare("MEDIA_XON"))

    def _drained(self, *, played: bool) -> Sequence[bytes]:
        if played and self._since_drain:  # more has come behind the mark
            self._since_drain = 0
            self._events.append(PlayoutMark(_DRAINED))
            return ()
        self._since_drain = -1
        return (self._write.bare("QUEUE_DRAINED"),)

    # What the agent says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        self._counters["events"] += 1
        if isinstance(message, bytes):
            return self._says(message)
        try:
            command = decode(message)
        except CommandError as error:
            self._counters[error.reason] += 1
            self._outgoing.append(self._write.error("Unable to parse the command"))
            return (Unreadable(error.reason, error.size),)
        return self._do(command, len(message))

    def _says(self, audio: bytes) -> Sequence[Event]:
        if not audio:
            self._counters["empty_media"] += 1
            return ()
        self._queued += len(audio)
        if self._since_drain >= 0:
            self._since_drain += len(audio)
        if not self._full and self._queued >= _XOFF_FRAMES * self._frame_bytes:
            self._full = True
            self._outgoing.append(self._write.bare("MEDIA_XOFF"))
        return (AudioDelta(self._speech.says(), 0, audio),)

    def _do(self, command: Command, size: int) -> Sequence[Event | Unreadable]:
        match command.command:
            case "MARK_MEDIA":
                return self._mark("m" + command.correlation_id, size)
            case "START_MEDIA_BUFFERING":
                self._buffering = True
                return ()
            case "STOP_MEDIA_BUFFERING":
                self._buffering = False
                item = self._speech.ends()
                ends = (AudioDone(item),) if item else ()
                return (*ends, *self._mark("b" + command.correlation_id, size))
            case "FLUSH_MEDIA":
                self._counters["clears"] += 1
                self._queued, self._buffering = 0, False
                self._go_on()
                self._speech.ends()
                return (DropAudio(),)
            case "HANGUP":
                return (EngineHangsUp("the agent sent HANGUP"),)
            case "REPORT_QUEUE_DRAINED":
                asked, self._since_drain = self._since_drain >= 0, 0
                return () if asked else (PlayoutMark(_DRAINED),)
            case "GET_STATUS":
                self._outgoing.append(self._status())
                return ()
            case "ANSWER":
                return ()
        return self._cannot(command.command[: agent.TYPE_CHARS])

    def _mark(self, name: str, size: int) -> Sequence[Event | Unreadable]:
        if self._marks >= _MAX_MARKS:
            self._counters["marks_dropped"] += 1
            return (Unreadable("too_many_marks", size),)
        self._marks += 1
        self._counters["marks"] += 1
        return (PlayoutMark(name),)

    def _status(self) -> bytes:
        return self._write.status(
            {
                "queue_length": self._queued // self._frame_bytes,
                "xon_level": _XON_FRAMES,
                "xoff_level": _XOFF_FRAMES,
                "queue_full": self._full,
                "bulk_media": self._buffering,
                "media_paused": False,
            }
        )

    def _cannot(self, command: str) -> Sequence[Event]:
        self._outgoing.append(self._write.error(f"{command} not supported"))
        if command in ("PAUSE_MEDIA", "CONTINUE_MEDIA", "SET_MEDIA_DIRECTION"):
            self._counters["refused"] += 1
            return ()
        self._counters["unknown"] += 1
        return (Unknown(command),)


def variables(call: CallIdentity) -> dict[str, str]:
    """As what Asterisk's dialplan has, and agents read: the channel's variables."""
    return {
        "CALLERID(num)": call.from_number,
        "EXTEN": call.to_number,
        **call.parameters,
    }


def websocket_engine(settings: EngineSettings) -> Engine:
    """ValueError: it has no such audio."""
    if settings.audio not in FORMATS:
        raise ValueError(f"asterisk_websocket has no audio {settings.audio.value!r}")
    headers = dict(settings.headers)
    if settings.api_key:
        headers.setdefault("Authorization", f"Bearer {settings.api_key}")
    link = Link(binary_audio=True, subprotocol=SUBPROTOCOL)
    return Engine(AsteriskWebsocket(settings), _address(settings), headers, link)


def _address(settings: EngineSettings) -> str:
    """The parameters in its query, as Asterisk's dial string `v(name=value)` puts them there."""
    parameters = settings.call.parameters if settings.call else {}
    if not parameters:
        return settings.url
    parts = urlsplit(settings.url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))
