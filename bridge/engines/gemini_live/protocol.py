"""Gemini Live as a sans-IO protocol.

    we send setup → setupComplete → we send the past, if there is no handle = SessionReady

The server takes turns by itself and says when the caller has cut it off (`interrupted`), but only
while it still generates: most of an answer is here long before it has been played, and then our own
detection alone tells that the caller speaks. There is nothing to truncate and nothing to cancel.
What is cut is dropped here, and the model is told what the caller did not hear.

Whatever is sent as text interrupts the model. So what it is to be told waits until its turn is
over. Only what the caller did not hear is told as soon as it generates no more: the caller speaks.

Its parts: `config` (our settings as the server wants them), `events` (what it says), `speech`
(turns, made into items), `tools`, `usage`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pybase64

from sipua.bridge.engine_api.base import EngineBase
from sipua.bridge.engine_api.events import (
    DropAudio,
    EngineLost,
    Event,
    SessionEnds,
    SessionHandle,
    SessionReady,
    Unknown,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine, Link
from sipua.bridge.engine_api.settings import (
    CALLER_WRITES,
    AudioFormat,
    EngineSettings,
    InjectedRole,
)
from sipua.bridge.engines.gemini_live import events as wire
from sipua.bridge.engines.gemini_live import usage
from sipua.bridge.engines.gemini_live.config import (
    endpoint,
    hears,
    history,
    setup,
    takes_turns,
    turn,
)
from sipua.bridge.engines.gemini_live.notes import NO_ANSWER, Notes, unheard
from sipua.bridge.engines.gemini_live.speech import Speech
from sipua.bridge.engines.gemini_live.tools import ToolCalls
from sipua.bridge.engines.openai.decoder import WireError, decode_audio
from sipua.bridge.engines.openai.details import TEXT_CHARS

_AUDIO_TAIL: Final = b'"}}}'

SPEAK_NOW: Final = "[Speak to the caller now, do not wait for them to speak.]"
MAX_HANDLE: Final = 8192  # characters; a longer one is kept for no next session
TOLD_MS: Final = 1000  # unheard speech that the model is told of

# The vendor's front answers pings after up to half a minute.
_LINK: Final = Link(ping_timeout_s=60.0)
_GOING_S: Final = 10.0  # until the end, where the server does not say it well
_LONGEST_S: Final = 3600.0
_URL_SAFE: Final = str.maketrans("-_", "+/")
_RATE: Final = f"rate={AudioFormat.PCM16.rate_hz}"

# Models that take turns of text only before a session's first audio, and texts at any time.
_NO_TURNS_LATER: Final = "gemini-3.1"

# Why a turn ended without an answer: a model that failed may be asked again, one that will not
# answer this may not.
_FAILED: Final = frozenset({"MALFORMED_FUNCTION_CALL", "RESPONSE_REJECTED"})
_NO_FAULT: Final = frozenset({"", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})

_SESSIONS: Final = itertools.count(1)


class GeminiLive(EngineBase):
    """One session. See `EngineProtocol` for what each method promises."""

    def __init__(self, settings: EngineSettings, items: str = "") -> None:
        """`items`: what their names begin with. The vendor has none."""
        self.name = "gemini_live"
        self._settings = settings
        self._answers = takes_turns(settings.turn_detection)
        self.capabilities = Capabilities(
            speech_events=False,
            truncate=False,
            cancel=False,
            tools=True,
            resume=True,
            takes_turns=self._answers,
            formats=frozenset({AudioFormat.PCM16_16K, AudioFormat.PCM16_8K}),
            one_session=True,
        )
        self.hears = hears(settings)
        self.speaks = AudioFormat.PCM16
        mime = f"audio/pcm;rate={self.hears.rate_hz}"
        self._audio_head = f'{{"realtimeInput":{{"audio":{{"mimeType":"{mime}","data":"'.encode()
        self._ready = False
        self._going = False
        self._handle = ""
        self._speech = Speech(items)
        self._tools = ToolCalls(items)
        self._notes = Notes()
        self._outgoing: list[bytes] = []
        self._usage: Usage | None = None  # in the message that is being read
        self._counters = dict.fromkeys(
            (
                *("events", "ignored", "unknown", "bad_json", "malformed", "oversize"),
                *("bad_base64", "bad_format", "cut", "interrupted"),
                *("tool_calls_cancelled", "tool_results_late", "tools_left_out"),
                "handles_dropped",
            ),
            0,
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        content = setup(self._settings)
        declared = sum(len(tool["functionDeclarations"]) for tool in content.get("tools", ()))
        self._counters["tools_left_out"] = len(self._settings.tools) - declared
        return (_encode(setup=content),)

    def append_audio(self, audio: bytes) -> bytes:
        return b"".join((self._audio_head, pybase64.b64encode(audio), _AUDIO_TAIL))

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        self._notes.ask(f"[{instructions}]" if instructions else "")
        return self._tell()

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        item = self._speech.cut(item_id)
        if item is None:
            return ()
        self._counters["cut"] += 1
        said_ms = item.bytes // self.speaks.bytes_per_ms
        if said_ms - audio_end_ms < TOLD_MS:
            return ()
        self._notes.unheard = unheard(item.text, audio_end_ms / said_ms)
        return self._tell_unheard()

    def cancel(self) -> Sequence[bytes]:
        if self._speech.cut() is not None:
            self._counters["cut"] += 1
        return ()

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        answer = self._tools.result(call_id, output, respond=respond)
        if answer is not None:
            return (_encode(toolResponse={"functionResponses": [answer]}),)
        # Of a call that this session never made, or that the caller has interrupted.
        self._counters["tool_results_late"] += 1
        wanted = respond and not self._tools.was_cancelled(call_id)
        self._notes.add(f"[A tool returned: {output}]", respond=wanted)
        return self._tell()

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        told = f"[{text}]" if role == "system" else f"{CALLER_WRITES}{text}"
        self._notes.add(told, respond=respond)
        return self._tell()

    def closed(self, code: int) -> Sequence[Event]:
        """Its own end of a session has no code that is kept for it."""
        if self._going or code == 1000:
            return (EngineLost(code, "the engine ended the session", retryable=True),)
        return ()

    def take_outgoing(self) -> Sequence[bytes]:
        waiting, self._outgoing = self._outgoing, []
        return waiting

    def counters(self) -> dict[str, int]:
        return {
            **self._counters,
            "late_deltas": self._speech.late_deltas,
            "late_words": self._speech.words_dropped,
            "tool_calls_dropped": self._tools.dropped,
            "text_dropped": self._notes.dropped,
        }

    def _tell(self) -> Sequence[bytes]:
        """What waits to be told, when it interrupts nothing that is wanted."""
        if not self._ready or (self._speech.turn_open and not self._speech.given_up):
            return ()
        told = self._notes.take()
        if told is None:
            return ()
        text, respond = told
        if not respond:
            return (_encode(realtimeInput={"text": text}),)
        messages = [] if self._answers else [_encode(realtimeInput={"activityEnd": {}})]
        if text or self._answers:
            messages.append(self._turn(text or SPEAK_NOW))
        if not self._answers:
            messages.append(_encode(realtimeInput={"activityStart": {}}))
        return messages

    def _turn(self, text: str) -> bytes:
        if _NO_TURNS_LATER in self._settings.model:
            return _encode(realtimeInput={"text": text})
        return _encode(clientContent={"turns": [turn(text)], "turnComplete": True})

    def _tell_unheard(self) -> Sequence[bytes]:
        if self._speech.dropping or not self._notes.unheard:
            return ()
        text, self._notes.unheard = self._notes.unheard, ""
        return (_encode(realtimeInput={"text": NO_ANSWER + text}),)

    # What the server says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        self._counters["events"] += 1
        events: list[Event | Unreadable] = [*self._speech.take_late()]
        try:
            told = wire.decode(message)
        except WireError as error:
            return [*events, self._unreadable(error)]
        if wire.is_empty(told):
            return [*events, *self._unknown(message)]
        self._usage = usage.of_turn(told.usage_metadata)
        begun = self._speech.begun
        if told.setup_complete is not None:
            events += self._on_setup(told.setup_complete)
        if told.server_content is not None:
            events += self._on_content(told.server_content)
        if told.tool_call is not None:
            events += self._on_tool_call(told.tool_call)
        if told.tool_call_cancellation is not None:
            cancelled = self._tools.cancel(told.tool_call_cancellation.ids or [])
            self._counters["tool_calls_cancelled"] += cancelled
        if told.session_resumption_update is not None:
            events += self._on_handle(told.session_resumption_update)
        if told.go_away is not None:
            self._going = True
            within_s = wire.seconds(told.go_away.time_left)
            events.append(SessionEnds(_GOING_S if within_s is None else min(within_s, _LONGEST_S)))
        if (cost := self._take_usage()) is not None and cost != Usage():
            events.append(Used(cost, "session"))
        if self._speech.begun != begun:
            self._notes.unheard = ""  # it would interrupt what the model has begun to say since
        self._outgoing += self._tell_unheard()
        return events

    def _on_setup(self, told: wire.SetupComplete) -> Sequence[Event]:
        if self._ready:
            return ()
        self._ready = True
        past = [] if self._settings.handle else history(self._settings.past)
        if past:
            self._outgoing.append(_encode(clientContent={"turns": past, "turnComplete": True}))
        if not self._answers:
            self._outgoing.append(_encode(realtimeInput={"activityStart": {}}))
        return (SessionReady((told.session_id or "")[:TEXT_CHARS], len(past)),)

    def _on_content(self, content: wire.ServerContent) -> list[Event | Unreadable]:
        speech = self._speech
        events: list[Event | Unreadable] = []
        if content.input_transcription is not None and content.input_transcription.text:
            events += speech.caller_words(content.input_transcription.text)
        if content.input_transcription is not None and content.input_transcription.finished:
            events += speech.caller_done()  # it does not always say so
        for part in (content.model_turn.parts or ()) if content.model_turn else ():
            if part.inline_data is not None:
                events += self._on_audio(part.inline_data)
        if content.output_transcription is not None and content.output_transcription.text:
            events += speech.model_words(content.output_transcription.text)
        if content.interrupted:
            self._counters["interrupted"] += 1
            events += [DropAudio(), *speech.interrupted()]
        if content.generation_complete:
            events += speech.generated(self._take_usage_if(speech.running))
        if content.turn_complete:
            reason = (content.turn_complete_reason or "")[:TEXT_CHARS]
            events += speech.turn_complete(
                _status(reason),
                "" if reason in _NO_FAULT else reason,
                self._take_usage_if(not speech.answered or speech.running),
            )
            self._outgoing += self._tell()
        return events

    def _on_audio(self, blob: wire.Blob) -> Sequence[Event | Unreadable]:
        mime = blob.mime_type
        if not mime.startswith("audio/pcm") or ("rate=" in mime and _RATE not in mime):
            self._counters["bad_format"] += 1
            return (Unreadable("bad_format", len(blob.data)),)
        data = blob.data
        try:
            audio = decode_audio(data.translate(_URL_SAFE) if "-" in data or "_" in data else data)
        except WireError as error:
            return (self._unreadable(error),)
        return self._speech.audio(audio) if audio else ()

    def _on_tool_call(self, told: wire.ToolCall) -> Sequence[Event]:
        calls = told.function_calls or []
        if self._speech.dropping:  # the server is about to hear that it was interrupted
            refused = [self._tools.refused(call) for call in calls]
            if refused:
                self._outgoing.append(_encode(toolResponse={"functionResponses": refused}))
            return ()
        response_id, before, after = self._speech.calls()
        wanted = [self._tools.add(call, response_id) for call in calls]
        return [*before, *filter(None, wanted), *after]

    def _on_handle(self, told: wire.SessionResumptionUpdate) -> Sequence[Event]:
        handle = (told.new_handle or "") if told.resumable else ""
        if len(handle) > MAX_HANDLE:
            self._counters["handles_dropped"] += 1
            handle = ""
        if handle == self._handle:
            return ()
        self._handle = handle
        return (SessionHandle(handle),)

    def _unknown(self, message: bytes | str) -> Sequence[Event]:
        names = [name for name in wire.fields_of(message) if name not in wire.HANDLED]
        if not names or all(name in wire.IGNORED for name in names):
            self._counters["ignored"] += 1
            return ()
        self._counters["unknown"] += 1
        return (Unknown(next(name for name in names if name not in wire.IGNORED)),)

    def _unreadable(self, error: WireError) -> Unreadable:
        self._counters[error.reason] += 1
        return Unreadable(error.reason, error.size)

    def _take_usage_if(self, wanted: bool) -> Usage | None:
        return self._take_usage() if wanted else None

    def _take_usage(self) -> Usage | None:
        cost, self._usage = self._usage, None
        return cost


def _status(reason: str) -> str:
    if reason in _NO_FAULT:
        return "completed"
    return "failed" if reason in _FAILED else "incomplete"


def _encode(**content: Any) -> bytes:
    return msgspec.json.encode(content)


def gemini_engine(settings: EngineSettings) -> Engine:
    url, headers = endpoint(settings)
    return Engine(GeminiLive(settings, f"gemini{next(_SESSIONS)}."), url, headers, _LINK)
