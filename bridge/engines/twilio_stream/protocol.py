"""Twilio's Media Streams as a sans-IO protocol, in the part of Twilio.

    we send connected, start = SessionReady ─▶ media, all the time ─▶ stop, or the agent hangs up

The agent answers nothing: it speaks by `media`, drops what is queued by `clear`, and asks by `mark`
to be told when all before it was heard. It has no message for the end of the call: it closes the
connection. It says nowhere where an answer begins or ends, either: `SpeechItems` finds that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engines.streams import agent
from sipua.bridge.engines.streams.speech_items import QUIET_MS, SpeechItems
from sipua.bridge.engines.twilio_stream import sids, signature
from sipua.bridge.engines.twilio_stream.messages import (
    MAX_NAME_CHARS,
    AgentMessage,
    MessageError,
    StreamMessages,
    audio_of,
    decode,
)
from sipua.bridge.engines.twilio_stream.user_agent import USER_AGENT


class TwilioStream(WaitingEngine):
    """One stream. See `EngineProtocol` for what each method promises."""

    capabilities: Capabilities = agent.capabilities({AudioFormat.PCMU})

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
        self.name = "twilio_stream"
        self.hears = self.speaks = AudioFormat.PCMU
        call = settings.call or agent.NO_CALL
        self._parameters = call.parameters
        account_sid = settings.account_sid or sids.USUAL_ACCOUNT
        call_sid, stream_sid = sids.call_sid(call.call_id), sids.new_stream_sid()
        self._messages = StreamMessages(account_sid, call_sid, stream_sid)
        self._tell = settings.on_stream
        self._about = {
            "AccountSid": account_sid,
            "CallSid": call_sid,
            "StreamSid": stream_sid,
            "StreamName": stream_sid,
        }
        self._items = SpeechItems(QUIET_MS * self.hears.bytes_per_ms)
        self._marks: Counter[str] = Counter()  # by name, those that wait; the playout bounds them
        self._counters = dict.fromkeys(
            (
                "events",
                "unknown",
                "bad_json",
                "malformed",
                "oversize",
                "bad_base64",
                "empty_media",
                "nameless_marks",
                "marks",
                "marks_of_others",
                "clears",
                "without_stream",
                "digits_unknown",
            ),
            0,
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        self._events.append(SessionReady(self._messages.stream_sid))
        self._told("stream-started")
        return (self._messages.connected(), self._messages.start(self._parameters))

    def append_audio(self, audio: bytes) -> bytes:
        if ended := self._items.hears(len(audio)):
            self._events.append(AudioDone(ended))
        return self._messages.media(audio)

    def digit(self, key: str, duration_ms: int) -> Sequence[bytes]:
        if key not in agent.KEYS:
            self._counters["digits_unknown"] += 1
            return ()
        return (self._messages.dtmf(key),)

    def marked(self, name: str, *, played: bool) -> Sequence[bytes]:
        # The agent is told the same of what was dropped: that is how it knows that it was.
        if not self._marks[name]:
            self._counters["marks_of_others"] += 1  # of the stream before this one
            return ()
        self._marks[name] -= 1
        if not self._marks[name]:
            del self._marks[name]
        return (self._messages.mark(name),)

    def closed(self, code: int) -> Sequence[Event]:
        if code not in agent.DONE:
            self._told("stream-error", f"the agent closed the websocket: {code}")
            return ()
        self._told("stream-stopped")
        return (EngineHangsUp(f"the agent closed its stream: {code}"),)

    def goodbye(self) -> Sequence[bytes]:
        self.over = True  # it owes no answer
        self._told("stream-stopped")
        return (self._messages.stop(),)

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _told(self, event: str, error: str = "") -> None:
        if self._tell is not None:
            failed = {"StreamError": error} if error else {}
            self._tell({**self._about, "StreamEvent": event, **failed})

    # What the agent says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        self._counters["events"] += 1
        try:
            said = decode(message)
            if said.streamSid != self._messages.stream_sid:
                self._counters["without_stream"] += 1  # there is only one that it can mean
            match said.event:
                case "media":
                    return self._speaks(audio_of(said))
                case "mark":
                    return self._marks_place(said, len(message))
                case "clear":
                    return self._clears()
        except MessageError as error:
            self._counters[error.reason] += 1
            return (Unreadable(error.reason, error.size),)
        self._counters["unknown"] += 1
        return (Unknown(said.event[: agent.TYPE_CHARS]),)

    def _speaks(self, audio: bytes) -> Sequence[Event]:
        if not audio:
            self._counters["empty_media"] += 1
            return ()
        return (AudioDelta(self._items.says(), 0, audio),)

    def _marks_place(self, said: AgentMessage, size: int) -> Sequence[Event]:
        if said.mark is None:
            self._counters["nameless_marks"] += 1
            return ()
        if len(said.mark.name) > MAX_NAME_CHARS:
            raise MessageError("oversize", size)
        self._marks[said.mark.name] += 1
        self._counters["marks"] += 1
        return (PlayoutMark(said.mark.name),)

    def _clears(self) -> Sequence[Event]:
        self._counters["clears"] += 1
        self._items.ends()  # told by the drop
        return (DropAudio(),)


def stream_engine(settings: EngineSettings) -> Engine:
    headers = {"User-Agent": USER_AGENT, **settings.headers}
    if settings.api_key:  # the auth token
        headers[signature.HEADER] = signature.signature(settings.api_key, settings.url)
    return Engine(TwilioStream(settings), settings.url, headers)
