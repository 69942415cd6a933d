"""OpenAI Live as a sans-IO protocol.

    we send session.start → session.started = SessionReady
    we send session.close → session.closed with the bill = over

Model and caller talk at the same time here, on one timeline that is the audio we send: the engine
says nothing while it hears nothing (`paced_by_input`). There are no turns on the wire, no voice
detection, nothing to truncate and nothing to cancel: the model hears that it is interrupted and
gives way by itself. So an interruption is made here, at once, by dropping the rest of what is
being said, until the model has given way or for at most `speech_gate.MAX_DROP_MS`.

Because its audio comes at the pace of speech, the model knows to a fraction of a second what the
caller has heard. Only when much of it was still waiting to be played is it told.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import pybase64

from sipua.bridge.engine_api.base import EngineBase
from sipua.bridge.engine_api.events import (
    EngineFault,
    Event,
    ServerTool,
    SessionReady,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import (
    CALLER_WRITES,
    OPENAI_FORMATS,
    EngineSettings,
    InjectedRole,
)
from sipua.bridge.engines.openai.decoder import Other, WireError, decode_audio
from sipua.bridge.engines.openai.details import TEXT_CHARS, fault
from sipua.bridge.engines.openai.incoming import Incoming
from sipua.bridge.engines.openai.outgoing import Outgoing
from sipua.bridge.engines.openai_live import events as wire
from sipua.bridge.engines.openai_live import usage
from sipua.bridge.engines.openai_live.config import MAX_APPENDS, chunks, endpoint, session_config
from sipua.bridge.engines.openai_live.speech import Item, Speech
from sipua.bridge.engines.openai_live.tools import DelegatedCalls

_APPEND_HEAD: Final = b'{"type":"session.input_audio.append","audio":"'
_APPEND_TAIL: Final = b'"}'

SPEAK_NOW: Final = "Speak to the caller now, do not wait for them to speak. Then pause and listen."
FOLLOW: Final = "Follow the last instruction now. " + SPEAK_NOW
# A model without tools may delegate all the same, and would wait for an answer.
NO_TOOLS: Final = (
    "Nothing can be looked up or done for the caller here. Answer from what you know, or say so."
)
HEARD_ONLY: Final = "The caller interrupted you and heard nothing of what you said after: "
HEARD_NOTHING: Final = "The caller interrupted you and heard nothing of what you said last."
TOLD_MS: Final = 1000  # unheard speech that the model is told of
_HEARD_CHARS: Final = 200

_SESSIONS: Final = itertools.count(1)

# Why the server closes a session, in the words that the other engine has for it.
_CLOSED_CODES: Final = {"expired": "session_expired", "content": "content_filter"}


class OpenAILive(EngineBase):
    """One session. See `EngineProtocol` for what each method promises."""

    capabilities: Capabilities = Capabilities(
        speech_events=False,
        truncate=False,
        cancel=False,
        tools=True,
        resume=True,
        formats=OPENAI_FORMATS,
        paced_by_input=True,
    )

    def __init__(self, settings: EngineSettings, items: str = "") -> None:
        """`items`: what their names begin with. The vendor has none that could be unique."""
        self.name = "openai_live"
        self.hears = self.speaks = settings.audio
        self.over = False
        self._settings = settings
        self._ready = False
        self._restored = 0
        self._speech = Speech(settings.audio, items)
        self._tools = DelegatedCalls()
        self._incoming = Incoming(wire.DECODER, wire.IGNORED)
        self._outgoing = Outgoing()
        self._seconds = 0.0  # of the session, as last told
        self._counters = dict.fromkeys(("faults", "cut", "text_dropped", "tool_results_late"), 0)

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        session = session_config(self._settings)
        self._restored = len(session.get("input", ()))
        return (self._outgoing.encode("session.start", session=session),)

    def append_audio(self, audio: bytes) -> bytes:
        self._speech.fed(len(audio))
        return b"".join((_APPEND_HEAD, pybase64.b64encode(audio), _APPEND_TAIL))

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        if not instructions:
            return self._tell("commentary", SPEAK_NOW)
        return (*self._tell("instructions", instructions), *self._tell("commentary", FOLLOW))

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        item = self._speech.cut(item_id)
        if item is None:
            return ()
        self._counters["cut"] += 1
        said_ms = item.bytes // self.speaks.bytes_per_ms
        if said_ms - audio_end_ms < TOLD_MS:
            return ()
        return self._tell("thinking", _unheard(item, audio_end_ms / said_ms))

    def cancel(self) -> Sequence[bytes]:
        if self._speech.cut() is not None:
            self._counters["cut"] += 1
        return ()

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        go_on = self._tools.answer(call_id, respond=respond)
        if go_on is None:
            # Of a call that this session never made: it was lost with another one.
            self._counters["tool_results_late"] += 1
            return self._tell("commentary" if respond else "thinking", f"A tool returned: {output}")
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        result = self._outgoing.encode("response.item.create", item=item)
        return (result, self._outgoing.encode("response.create")) if go_on else (result,)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        if role == "system":
            told = self._tell("instructions", text)
            return (*told, *self._tell("commentary", FOLLOW)) if respond else told
        return self._tell("commentary" if respond else "thinking", f"{CALLER_WRITES}{text}")

    def goodbye(self) -> Sequence[bytes]:
        return () if self.over else (self._outgoing.encode("session.close"),)

    def take_outgoing(self) -> Sequence[bytes]:
        return self._outgoing.take()

    def counters(self) -> dict[str, int]:
        return {
            **self._incoming.counters,
            **self._counters,
            "late_ms": self._speech.dropped_ms,
            "late_words": self._speech.words_dropped,
            "tool_calls_dropped": self._tools.dropped,
        }

    # What the server says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        late = self._speech.pending()
        events: Sequence[Event | Unreadable]
        try:
            event = self._incoming.decode(message)
            events = self._HANDLERS[type(event)](self, event)
        except WireError as error:
            events = (self._incoming.unreadable(error),)
        return (*late, *events) if late else events

    def _on_audio(self, event: wire.OutputAudioDelta) -> Sequence[Event]:
        return self._speech.hear(decode_audio(event.delta))

    def _on_model_words(self, event: wire.OutputTranscriptDelta) -> Sequence[Event]:
        return self._speech.model_words(event.delta)

    def _on_caller_words(self, event: wire.InputTranscriptDelta) -> Sequence[Event]:
        return self._speech.caller_words(event.delta)

    def _on_started(self, event: wire.SessionStarted) -> Sequence[Event]:
        if self._ready:
            return ()
        self._ready = True
        return (SessionReady(event.session.id, self._restored),)

    def _on_usage(self, event: wire.UsageUpdated) -> Sequence[Event]:
        return self._used(event.usage)

    def _on_closed(self, event: wire.SessionClosed) -> Sequence[Event]:
        asked = event.reason == "close_requested"
        events = [*self._speech.close(), *self._used(event.usage)]
        self.over = True
        if not asked:
            code = _CLOSED_CODES.get(event.reason, f"session_closed_{event.reason}")
            text = f"the engine closed the session: {event.reason or 'no reason given'}"
            events.append(EngineFault(code[:TEXT_CHARS], text[:TEXT_CHARS], fatal=True))
            self._counters["faults"] += 1
        return events

    def _on_delegation(self, event: wire.DelegationCreated) -> Sequence[Event]:
        if event.delegation.target == "client":
            self._outgoing.put(self._tell("commentary", NO_TOOLS, event.delegation.id))
        return ()

    def _on_response(self, event: wire.ResponseEvent) -> Sequence[Event]:
        nested = wire.decode_nested(event.event)
        about = event.delegation_id or ""
        if isinstance(nested, wire.ResponseCreated):
            self._tools.begin(about, nested.response.id)
        elif isinstance(nested, wire.OutputItemDone):
            item = nested.item
            if item.type == "function_call":
                self._tools.call(about, item.call_id or "", item.name or "", item.arguments or "")
            elif item.type == "mcp_call":
                return (
                    ServerTool(
                        item.id or "", item.name or "", "failed" if item.error else "completed"
                    ),
                )
        elif isinstance(nested, wire.ResponseCompleted):
            return (*self._tools.complete(about), *_cost(nested.response))
        elif nested is not None:
            self._tools.fail(about)
            self._counters["faults"] += 1
            why = EngineFault("delegation_failed", usage.why(nested.response))
            return (why, *_cost(nested.response))
        return ()

    def _on_error(self, event: wire.Error) -> Sequence[Event]:
        self._counters["faults"] += 1
        about = event.error.client_event_id or event.client_event_id
        return (fault(event.error, about),)

    def _on_other(self, event: Other) -> Sequence[Event]:
        return self._incoming.other(event)

    _HANDLERS: ClassVar[Mapping[type, Callable[[OpenAILive, Any], Sequence[Event]]]] = {
        wire.OutputAudioDelta: _on_audio,
        wire.OutputTranscriptDelta: _on_model_words,
        wire.InputTranscriptDelta: _on_caller_words,
        wire.SessionStarted: _on_started,
        wire.UsageUpdated: _on_usage,
        wire.SessionClosed: _on_closed,
        wire.DelegationCreated: _on_delegation,
        wire.ResponseEvent: _on_response,
        wire.Error: _on_error,
        Other: _on_other,
    }

    # Helpers

    def _used(self, total: wire.SessionUsage | None) -> Sequence[Event]:
        """The vendor tells totals; we tell what came on top."""
        seconds = 0.0 if total is None else total.seconds - self._seconds
        if not 0 < seconds < float("inf"):
            return ()
        self._seconds += seconds
        return (Used(Usage(seconds=seconds), "session"),)

    def _tell(self, how: str, text: str, delegation_id: str | None = None) -> list[bytes]:
        """`instructions`, `commentary` to be spoken, or `thinking` to be kept in mind."""
        pieces = list(chunks(text))
        self._counters["text_dropped"] += len(pieces[MAX_APPENDS:])
        return [
            self._outgoing.encode(
                f"session.{how}.append", content=piece, delegation_id=delegation_id
            )
            for piece in pieces[:MAX_APPENDS]
        ]


def _unheard(item: Item, share: float) -> str:
    """Words are not timed: their share of the text stands for that of the sound."""
    heard = item.text[: int(len(item.text) * share)][-_HEARD_CHARS:].strip()
    return f'{HEARD_ONLY}"{heard}"' if heard else HEARD_NOTHING


def _cost(response: wire.Response) -> Sequence[Event]:
    cost = usage.of_response(response)
    return () if cost == Usage() else (Used(cost, "delegation"),)


def live_engine(settings: EngineSettings) -> Engine:
    url, headers = endpoint(settings)
    return Engine(OpenAILive(settings, f"live{next(_SESSIONS)}."), url, headers)
