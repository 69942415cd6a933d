"""OpenAI Realtime, in any of its dialects, as a sans-IO protocol.

    session.created → we send session.update → session.updated → we send the past = SessionReady
    (a dialect that is not strict: we do not wait for session.created)

Its parts: `dialects` (where servers differ), `config` and `flat` (our settings as they want them),
`events` and `vocabulary` (what they say), `audio` (what was said, and what is dropped),
`response_gate` (when it may be asked to speak), `past` (the conversation so far), `transcripts`,
`tools`, `usage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pybase64

from sipua.bridge.engine_api.base import EngineBase
from sipua.bridge.engine_api.events import (
    AudioDone,
    CallerIdle,
    EngineFault,
    Event,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Unreadable,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import EngineSettings, InjectedRole
from sipua.bridge.engines.openai.decoder import Other, WireError
from sipua.bridge.engines.openai.details import fault
from sipua.bridge.engines.openai.incoming import Incoming
from sipua.bridge.engines.openai.outgoing import Outgoing
from sipua.bridge.engines.openai_realtime import events as wire
from sipua.bridge.engines.openai_realtime import usage, vocabulary
from sipua.bridge.engines.openai_realtime.audio import Speech
from sipua.bridge.engines.openai_realtime.config import endpoint, turn_detection
from sipua.bridge.engines.openai_realtime.dialects import dialect
from sipua.bridge.engines.openai_realtime.past import restored
from sipua.bridge.engines.openai_realtime.response_gate import ResponseGate, Wish
from sipua.bridge.engines.openai_realtime.tools import McpEvent, ServerTools, ToolCalls
from sipua.bridge.engines.openai_realtime.transcripts import Transcripts

_APPEND_HEAD: Final = b'{"type":"input_audio_buffer.append","audio":"'
_APPEND_TAIL: Final = b'"}'

# Refusals of a response because another one runs; some servers send the text without a code.
_ONE_RUNS: Final = "conversation_already_has_active_response"
_ONE_RUNS_TEXT: Final = "Conversation already has an active response"

# Errors after which the server closes the session by itself.
_FATAL_CODES: Final = frozenset({"session_expired"})

_MIN_COMMIT_MS: Final = 100  # less is an error
_MAX_WARNINGS: Final = 8  # that are kept until the session is ready


class OpenAIRealtime(EngineBase):
    """One session. See `EngineProtocol` for what each method promises."""

    def __init__(self, settings: EngineSettings) -> None:
        self.name = "openai_realtime"
        self._dialect = spoken = dialect(settings.dialect)
        self._audio_delta = spoken.vocabulary.audio_delta
        self.over = False
        self._settings = settings
        self._turn_detection = turn_detection(settings.turn_detection)
        # Without turn detection the server hears no speech and thus interrupts nothing.
        self._server_interrupts = bool(
            self._turn_detection and self._turn_detection["interrupt_response"]
        )
        answers = bool(self._turn_detection and self._turn_detection["create_response"])
        self.capabilities = Capabilities(
            speech_events=self._turn_detection is not None,
            truncate=spoken.truncates,
            cancel=True,
            tools=True,
            resume=True,
            takes_turns=answers,
            formats=spoken.formats,
        )
        self.hears = self.speaks = settings.audio
        self._ready = False
        self._configured = False
        self._warnings: list[EngineFault] = []
        self._incoming = Incoming(spoken.vocabulary.decoder, spoken.vocabulary.ignored)
        self._outgoing = Outgoing()
        self._gate = ResponseGate(server_answers=answers)
        self._uncommitted = 0  # bytes that no commit has made an item of
        self._speech = Speech(self.speaks.bytes_per_ms)
        self._transcripts = Transcripts()
        self._tool_calls = ToolCalls()
        self._server_tools = ServerTools()
        self._call_ids: dict[str, str] = {}
        self._counters = dict.fromkeys(
            ("faults", "cancelled", "past_dropped", "approvals_declined"), 0
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        return () if self._dialect.strict else self._configure()

    def append_audio(self, audio: bytes) -> bytes:
        self._uncommitted += len(audio)
        return b"".join((_APPEND_HEAD, pybase64.b64encode(audio), _APPEND_TAIL))

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        self._gate.want(instructions, answer=True)
        return self._ask()

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        cut = self._speech.truncate(item_id, audio_end_ms)
        if cut is None or not self._dialect.truncates:
            return ()
        where = {"item_id": item_id, "content_index": cut[0], "audio_end_ms": cut[1]}
        return (self._outgoing.encode("conversation.item.truncate", **where),)

    def cancel(self) -> Sequence[bytes]:
        response_id = self._gate.active
        if response_id is None or self._speech.dropped(response_id):
            return ()  # nothing runs, or it is being cancelled already
        self._speech.drop(response_id)
        self._counters["cancelled"] += 1
        which = {"response_id": response_id} if response_id else {}
        return (self._outgoing.encode("response.cancel", **which),)

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        item_id = f"result_{self._outgoing.next_number}"
        item = {
            "id": item_id,
            "type": "function_call_output",
            "call_id": self._call_ids.get(call_id, call_id),
            "output": output,
        }
        result = self._outgoing.encode("conversation.item.create", item=item)
        if not respond:
            return (result,)
        self._gate.want(item_id=item_id)
        return (result, *self._ask())

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        item_id = f"injected_{self._outgoing.next_number}"
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": role, "content": content}
        told = self._outgoing.encode("conversation.item.create", item=item)
        if not respond:
            return (told,)
        self._gate.want(item_id=item_id)
        return (told, *self._ask())

    def goodbye(self) -> Sequence[bytes]:
        return (self._outgoing.encode(name),) if (name := self._dialect.goodbye) else ()

    def take_outgoing(self) -> Sequence[bytes]:
        return self._outgoing.take()

    def counters(self) -> dict[str, int]:
        return {
            **self._incoming.counters,
            **self._counters,
            **self._speech.counters(),
            "responses_deferred": self._gate.deferred,
            "responses_refused": self._gate.refused_requests,
            "instructions_dropped": self._gate.dropped,
            "tool_calls_dropped": self._tool_calls.dropped,
        }

    def _ask(self) -> Sequence[bytes]:
        """For a response, if one is wanted and the server would take the request now."""
        wish = self._gate.request()
        if wish is None:
            return ()
        messages = (
            [self._outgoing.encode("input_audio_buffer.commit")] if self._has_turn(wish) else []
        )
        fields: dict[str, Any] = {}
        if wish.instructions:
            # A response's own instructions replace the session's, and the greeting must not lose
            # the persona and the language that they set.
            texts = filter(None, (self._settings.instructions, *wish.instructions))
            fields["response"] = {"instructions": "\n\n".join(texts)}
        messages.append(self._outgoing.encode("response.create", **fields))
        self._gate.asked(self._outgoing.last_id, wish)
        return messages

    def _has_turn(self, wish: Wish) -> bool:
        """Where only we take turns, what the caller has said so far is one to be answered.

        Too little of it (before a greeting) would be an error.
        """
        if self._turn_detection is not None or not wish.answer:
            return False
        spoken, self._uncommitted = self._uncommitted, 0
        return spoken >= _MIN_COMMIT_MS * self.hears.bytes_per_ms

    # What the server says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        try:
            event = self._incoming.decode(message)
            if type(event) is self._audio_delta:
                return self._speech.delta(event)
        except WireError as error:
            return (self._incoming.unreadable(error),)
        events = self._HANDLERS[type(event)](self, event)
        self._outgoing.put(self._ask())
        return events

    def _on_audio_done(self, event: wire.OutputAudioDone) -> Sequence[Event]:
        return (AudioDone(event.item_id),) if self._speech.done(event.item_id) else ()

    def _on_speech_started(self, event: wire.SpeechStarted) -> Sequence[Event]:
        self._gate.caller_speaks()
        if self._server_interrupts and self._gate.active is not None:
            self._speech.drop(self._gate.active)
        return (SpeechStarted(event.item_id, int(event.audio_start_ms)),)

    def _on_speech_stopped(self, event: wire.SpeechStopped) -> Sequence[Event]:
        self._gate.caller_finished()
        return (SpeechStopped(event.item_id, int(event.audio_end_ms)),)

    def _on_committed(self, _event: wire.BufferCommitted) -> Sequence[Event]:
        self._uncommitted = 0
        return ()

    def _on_timeout(self, event: wire.TimeoutTriggered) -> Sequence[Event]:
        self._gate.caller_finished()  # with nothing, and the server speaks up all the same
        return (CallerIdle(event.item_id, int(event.audio_end_ms)),)

    def _on_response_created(self, event: wire.ResponseCreated) -> Sequence[Event]:
        response_id = event.response.id or ""
        self._gate.created(response_id)
        return (ResponseStarted(response_id),)

    def _on_response_done(self, event: wire.ResponseDone) -> Sequence[Event]:
        response = event.response
        response_id = response.id or ""
        status = response.status or ""
        self._gate.done(response_id)
        if status == "cancelled":
            self._speech.drop(response_id)
        tools = self._tool_calls.release(response_id, completed=status == "completed")
        faults = [EngineFault("nameless_tool_call", call.call_id) for call in tools.nameless]
        why, cost = usage.why(response.status_details), usage.of_response(response.usage)
        return (*tools.calls, *faults, ResponseDone(response_id, status, why, cost))

    def _on_function_call(self, event: wire.FunctionCallDone) -> Sequence[Event]:
        self._call_ids.pop(event.call_id, None)  # a name of an earlier session's, used again
        response_id = event.response_id or self._gate.active or ""  # some servers leave it out
        call = ToolCall(event.call_id, event.name or "", event.arguments, response_id)
        self._tool_calls.add(call, event.item_id)
        return ()

    # Items, and the tools of MCP servers

    def _on_item(
        self,
        event: wire.ItemAdded
        | wire.ItemCreated
        | wire.ItemDone
        | wire.OutputItemAdded
        | vocabulary.OutputItemDone,
    ) -> Sequence[Event]:
        item = event.item
        if item.id:
            self._gate.confirmed(item.id)
            self._server_tools.seen(item)
            self._tool_calls.seen(item)
            done = isinstance(event, wire.ItemDone | vocabulary.OutputItemDone)
            if done and item.type == "mcp_approval_request":
                return self._decline(item.id)
        return ()

    def _decline(self, request_id: str) -> Sequence[Event]:
        """A caller cannot approve: better an answer than a wait without end."""
        self._counters["approvals_declined"] += 1
        item_id = f"declined_{self._outgoing.next_number}"
        item = {
            "id": item_id,
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": False,
        }
        if self._dialect.declines_with_reason:
            item["reason"] = "An approval is not possible during a call."
        self._outgoing.put((self._outgoing.encode("conversation.item.create", item=item),))
        self._gate.want(item_id=item_id)
        return (self._server_tools.failed(request_id),)

    def _on_mcp_call(self, event: McpEvent) -> Sequence[Event]:
        if isinstance(event, wire.McpCallCompleted | wire.McpCallFailed):
            self._gate.want()  # the server does not go on by itself after a call of its own
        return (self._server_tools.told(event),)

    # The session

    def _on_session_created(self, _event: wire.SessionCreated) -> Sequence[Event]:
        if not self._configured:
            self._outgoing.put(self._configure())
        return ()

    def _configure(self) -> Sequence[bytes]:
        self._configured = True
        session = self._dialect.session(self._settings)
        return (self._outgoing.encode("session.update", session=session),)

    def _on_session_updated(self, event: wire.SessionUpdated) -> Sequence[Event]:
        if self._ready:
            return ()
        self._ready = True
        past = restored(self._settings.past, self.hears, self._dialect.assistant_text)
        self._call_ids = past.call_ids
        self._counters["past_dropped"] = past.dropped
        self._outgoing.put(
            self._outgoing.encode("conversation.item.create", item=item) for item in past.items
        )
        warnings, self._warnings = self._warnings, []
        return (SessionReady(event.session.id, past.told), *warnings)

    def _on_error(self, event: wire.Error) -> Sequence[Event]:
        self._counters["faults"] += 1
        error = event.error
        message = error.message or ""
        one_runs = error.code == _ONE_RUNS or message.startswith(_ONE_RUNS_TEXT)
        self._gate.failed(error.event_id, one_runs=one_runs)
        if one_runs:
            return ()  # nothing went wrong: it began to speak at the same moment
        tentative = not (self._ready or self._dialect.strict)
        found = fault(error, error.event_id, fatal_codes=_FATAL_CODES)
        return (replace(found, tentative=True),) if tentative else (found,)

    def _on_warning(self, event: vocabulary.Warned) -> Sequence[Event]:
        self._counters["faults"] += 1
        warning = fault(event.warning, None)
        if self._ready:
            return (warning,)
        self._warnings = [*self._warnings, warning][:_MAX_WARNINGS]
        return ()

    def _on_finished(self, _event: vocabulary.SessionFinished) -> Sequence[Event]:
        self.over = True
        return ()

    def _on_rate_limits(self, event: wire.RateLimitsUpdated) -> Sequence[Event]:
        return (usage.limits(event),)

    def _on_other(self, event: Other) -> Sequence[Event]:
        return self._incoming.other(event)

    _HANDLERS: ClassVar[Mapping[type, Callable[[OpenAIRealtime, Any], Sequence[Event]]]] = {
        wire.OutputAudioDone: _on_audio_done,
        vocabulary.BetaAudioDone: _on_audio_done,
        wire.OutputTranscriptDelta: lambda self, event: self._transcripts.assistant(event),
        wire.OutputTranscriptDone: lambda self, event: self._transcripts.assistant(event),
        vocabulary.BetaTranscriptDelta: lambda self, event: self._transcripts.assistant(event),
        vocabulary.BetaTranscriptDone: lambda self, event: self._transcripts.assistant(event),
        wire.InputTranscriptDelta: lambda self, event: self._transcripts.caller(event),
        wire.InputTranscriptDone: lambda self, event: self._transcripts.caller(event),
        wire.InputTranscriptFailed: lambda self, event: self._transcripts.failed(event),
        vocabulary.InputTranscriptUpdated: lambda self, event: self._transcripts.updated(event),
        wire.SpeechStarted: _on_speech_started,
        wire.SpeechStopped: _on_speech_stopped,
        wire.BufferCommitted: _on_committed,
        wire.TimeoutTriggered: _on_timeout,
        wire.FunctionCallDone: _on_function_call,
        wire.ItemAdded: _on_item,
        wire.ItemCreated: _on_item,
        wire.ItemDone: _on_item,
        wire.OutputItemAdded: _on_item,
        vocabulary.OutputItemDone: _on_item,
        wire.McpCallInProgress: _on_mcp_call,
        wire.McpCallCompleted: _on_mcp_call,
        wire.McpCallFailed: _on_mcp_call,
        wire.McpListToolsFailed: _on_mcp_call,
        wire.Error: _on_error,
        vocabulary.Warned: _on_warning,
        wire.SessionCreated: _on_session_created,
        wire.SessionUpdated: _on_session_updated,
        vocabulary.SessionFinished: _on_finished,
        wire.ResponseCreated: _on_response_created,
        wire.ResponseDone: _on_response_done,
        wire.RateLimitsUpdated: _on_rate_limits,
        Other: _on_other,
    }


def realtime_engine(settings: EngineSettings) -> Engine:
    url, headers = endpoint(settings, dialect(settings.dialect).url)
    return Engine(OpenAIRealtime(settings), url, headers)
