"""OpenAI Realtime, GA shape, as a sans-IO protocol.

    session.created → we send session.update → session.updated = SessionReady

Who drops what after an interruption: here, the deltas of a response that was cancelled and of
an item that was truncated, because the server may have sent them before it knew. What was
handed out before that is the playout's to flush.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import pybase64
from sipua.bridge.engines import openai_realtime_events as wire
from sipua.bridge.engines.base import (
    AudioDelta,
    AudioDone,
    AudioFormat,
    Capabilities,
    Engine,
    EngineFault,
    EngineSettings,
    Event,
    RateLimit,
    RateLimits,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    Unknown,
)
from sipua.bridge.engines.openai_realtime_config import endpoint, session_config, turn_detection

_APPEND_HEAD: Final = b'{"type":"input_audio_buffer.append","audio":"'
_APPEND_TAIL: Final = b'"}'

# Complaints after which the server closes the session by itself.
_FATAL_CODES: Final = frozenset({"session_expired"})

_TEXT_CHARS: Final = 500  # of the server's error messages, which end in logs
_ITEMS: Final = 128  # audio items whose length is remembered, far more than can be in playout
_STALE_RESPONSES: Final = 64
_PENDING_TOOL_CALLS: Final = 64


class _Item:
    """What we know of one piece of the assistant's speech."""

    __slots__ = ("bytes", "content_index", "cut", "done")

    def __init__(self, content_index: int) -> None:
        self.bytes = 0
        self.content_index = content_index
        self.done = False
        self.cut = False


class OpenAIRealtime:
    """One session. See `EngineProtocol` for what each method promises."""

    def __init__(self, settings: EngineSettings) -> None:
        self.name = "openai_realtime"
        self.over = False
        self._settings = settings
        self._turn_detection = turn_detection(settings.turn_detection)
        # Without turn detection the server hears no speech and thus interrupts nothing.
        self._server_interrupts = bool(
            self._turn_detection and self._turn_detection["interrupt_response"]
        )
        self.capabilities = Capabilities(
            speech_events=self._turn_detection is not None, truncate=True, cancel=True, tools=True
        )
        self.format = AudioFormat.PCM16
        self._ready = False
        self._configured = False
        self._outgoing: list[bytes] = []
        self._event_number = 0
        self._active_response: str | None = None
        self._stale_responses: dict[str, None] = {}  # an ordered set
        self._items: dict[str, _Item] = {}
        self._tool_calls: list[ToolCall] = []
        self._counters = dict.fromkeys(
            (
                "events",
                "ignored",
                "unknown",
                "bad_json",
                "malformed",
                "oversize",
                "bad_base64",
                "late_deltas",
                "faults",
                "truncated",
                "truncate_skipped",
                "cancelled",
                "tool_calls_dropped",
            ),
            0,
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        return ()  # the server speaks first

    def append_audio(self, audio: bytes) -> bytes:
        return b"".join((_APPEND_HEAD, pybase64.b64encode(audio), _APPEND_TAIL))

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        if not instructions:
            return (self._encode("response.create"),)
        # A response's own instructions replace the session's, and the greeting must not lose
        # the persona and the language that they set.
        both = "\n\n".join(filter(None, (self._settings.instructions, instructions)))
        return (self._encode("response.create", response={"instructions": both}),)

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        item = self._items.get(item_id)
        if item is None or item.cut:
            self._counters["truncate_skipped"] += 1
            return ()
        item.cut = True
        held_ms = item.bytes // self.format.bytes_per_ms
        end_ms = min(audio_end_ms, held_ms)
        if end_ms <= 0 or (item.done and end_ms == held_ms):
            # Before the first millisecond it is an error; after the last there is nothing to cut.
            self._counters["truncate_skipped"] += 1
            return ()
        self._counters["truncated"] += 1
        return (
            self._encode(
                "conversation.item.truncate",
                item_id=item_id,
                content_index=item.content_index,
                audio_end_ms=end_ms,
            ),
        )

    def cancel(self) -> Sequence[bytes]:
        response_id = self._active_response
        if response_id is None or response_id in self._stale_responses:
            return ()  # nothing runs, or it is being cancelled already
        self._mark_stale(response_id)
        self._counters["cancelled"] += 1
        which = {"response_id": response_id} if response_id else {}
        return (self._encode("response.cancel", **which),)

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        result = self._encode("conversation.item.create", item=item)
        return (result, self._encode("response.create")) if respond else (result,)

    def goodbye(self) -> Sequence[bytes]:
        return ()  # the server takes a closed connection for the end, and owes nothing after it

    def take_outgoing(self) -> Sequence[bytes]:
        if not self._outgoing:
            return ()
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    # What the server says

    def receive(self, message: bytes | str) -> Sequence[Event]:
        self._counters["events"] += 1
        try:
            event = wire.decode(message)
        except wire.WireError as error:
            self._counters[error.reason] += 1
            return ()
        if type(event) is wire.OutputAudioDelta:
            return self._on_audio_delta(event)
        return self._HANDLERS[type(event)](self, event)

    def _on_audio_delta(self, event: wire.OutputAudioDelta) -> Sequence[Event]:
        item_id = event.item_id
        item = self._items.get(item_id)
        if item is None:
            item = self._remember_item(item_id, event.content_index)
        if item.cut or event.response_id in self._stale_responses:
            self._counters["late_deltas"] += 1
            return ()
        try:
            pcm = pybase64.b64decode(event.delta, None, True)
        except ValueError:
            self._counters["bad_base64"] += 1
            return ()
        if not pcm:
            return ()
        item.bytes += len(pcm)
        return (AudioDelta(item_id, event.content_index, pcm),)

    def _on_audio_done(self, event: wire.OutputAudioDone) -> Sequence[Event]:
        item = self._items.get(event.item_id)
        if item is None:
            return ()  # an item without audio was never given out
        item.done = True
        return (AudioDone(event.item_id),)

    def _on_speech_started(self, event: wire.SpeechStarted) -> Sequence[Event]:
        if self._server_interrupts and self._active_response is not None:
            self._mark_stale(self._active_response)
        return (SpeechStarted(event.item_id, int(event.audio_start_ms)),)

    def _on_speech_stopped(self, event: wire.SpeechStopped) -> Sequence[Event]:
        return (SpeechStopped(event.item_id, int(event.audio_end_ms)),)

    def _on_response_created(self, event: wire.ResponseCreated) -> Sequence[Event]:
        self._active_response = event.response.id or ""
        return (ResponseStarted(self._active_response),)

    def _on_response_done(self, event: wire.ResponseDone) -> Sequence[Event]:
        response = event.response
        response_id = response.id or ""
        status = response.status or ""
        if response_id == self._active_response:
            self._active_response = None
        if status == "cancelled":
            self._mark_stale(response_id)
        done = ResponseDone(response_id, status, _detail(response.status_details))
        calls = [call for call in self._tool_calls if call.response_id == response_id]
        self._tool_calls = [call for call in self._tool_calls if call.response_id != response_id]
        if status == "completed":
            return (*calls, done)
        self._counters["tool_calls_dropped"] += len(calls)
        return (done,)

    def _on_function_call(self, event: wire.FunctionCallDone) -> Sequence[Event]:
        # Held until the response has completed: a cancelled one must not act.
        if len(self._tool_calls) == _PENDING_TOOL_CALLS:
            self._counters["tool_calls_dropped"] += 1
            return ()
        self._tool_calls.append(
            ToolCall(event.call_id, event.name, event.arguments, event.response_id)
        )
        return ()

    def _on_output_transcript(
        self, event: wire.OutputTranscriptDelta | wire.OutputTranscriptDone
    ) -> Sequence[Event]:
        if isinstance(event, wire.OutputTranscriptDone):
            return (Transcript(event.item_id, "assistant", event.transcript, final=True),)
        return (Transcript(event.item_id, "assistant", event.delta, final=False),)

    def _on_input_transcript(
        self, event: wire.InputTranscriptDelta | wire.InputTranscriptDone
    ) -> Sequence[Event]:
        if isinstance(event, wire.InputTranscriptDone):
            return (Transcript(event.item_id, "user", event.transcript, final=True),)
        return (Transcript(event.item_id, "user", event.delta, final=False),) if event.delta else ()

    def _on_session_created(self, _event: wire.SessionCreated) -> Sequence[Event]:
        if not self._configured:
            self._configured = True
            self._outgoing.append(
                self._encode("session.update", session=session_config(self._settings))
            )
        return ()

    def _on_session_updated(self, event: wire.SessionUpdated) -> Sequence[Event]:
        if self._ready:
            return ()
        self._ready = True
        return (SessionReady(event.session.id),)

    def _on_error(self, event: wire.Error) -> Sequence[Event]:
        self._counters["faults"] += 1
        error = event.error
        code = error.code or error.type or "unknown"
        return (
            EngineFault(
                code=code[:_TEXT_CHARS],
                message=(error.message or "")[:_TEXT_CHARS],
                event_id=error.event_id,
                fatal=code in _FATAL_CODES,
            ),
        )

    def _on_rate_limits(self, event: wire.RateLimitsUpdated) -> Sequence[Event]:
        return (
            RateLimits(
                tuple(
                    RateLimit(
                        name=limit.name or "",
                        limit=None if limit.limit is None else int(limit.limit),
                        remaining=None if limit.remaining is None else int(limit.remaining),
                        reset_s=limit.reset_seconds,
                    )
                    for limit in event.rate_limits
                )
            ),
        )

    def _on_other(self, event: wire.Other) -> Sequence[Event]:
        if event.type in wire.IGNORED:
            self._counters["ignored"] += 1
            return ()
        self._counters["unknown"] += 1
        return (Unknown(event.type),)

    _HANDLERS: ClassVar[Mapping[type, Callable[[OpenAIRealtime, Any], Sequence[Event]]]] = {
        wire.OutputAudioDelta: _on_audio_delta,
        wire.OutputAudioDone: _on_audio_done,
        wire.OutputTranscriptDelta: _on_output_transcript,
        wire.OutputTranscriptDone: _on_output_transcript,
        wire.InputTranscriptDelta: _on_input_transcript,
        wire.InputTranscriptDone: _on_input_transcript,
        wire.SpeechStarted: _on_speech_started,
        wire.SpeechStopped: _on_speech_stopped,
        wire.FunctionCallDone: _on_function_call,
        wire.Error: _on_error,
        wire.SessionCreated: _on_session_created,
        wire.SessionUpdated: _on_session_updated,
        wire.ResponseCreated: _on_response_created,
        wire.ResponseDone: _on_response_done,
        wire.RateLimitsUpdated: _on_rate_limits,
        wire.Other: _on_other,
    }

    # Helpers

    def _remember_item(self, item_id: str, content_index: int) -> _Item:
        if len(self._items) == _ITEMS:
            del self._items[next(iter(self._items))]
        item = self._items[item_id] = _Item(content_index)
        return item

    def _mark_stale(self, response_id: str) -> None:
        if not response_id:
            return  # it would stand for every response that has no id
        if len(self._stale_responses) == _STALE_RESPONSES:
            del self._stale_responses[next(iter(self._stale_responses))]
        self._stale_responses[response_id] = None

    def _encode(self, event_type: str, **fields: Any) -> bytes:
        # The id comes back in an `error`, so that the log tells which request it was about.
        self._event_number += 1
        event_id = f"{event_type}#{self._event_number}"
        return msgspec.json.encode({"type": event_type, "event_id": event_id, **fields})


def _detail(details: wire.StatusDetails | None) -> str:
    if details is None:
        return ""
    if details.error is None:
        return details.reason or ""
    code = details.error.code or details.error.type or ""
    return ": ".join(filter(None, (code, details.error.message)))[:_TEXT_CHARS]


def create(settings: EngineSettings) -> Engine:
    url, headers = endpoint(settings)
    return Engine(OpenAIRealtime(settings), url, headers)
