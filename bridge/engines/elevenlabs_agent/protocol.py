"""An agent of ElevenLabs as a sans-IO protocol.

    we send conversation_initiation_client_data → conversation_initiation_metadata = SessionReady

The agent is one of its own: it begins by itself, takes turns by itself, and alone decides when the
caller has interrupted it (`interruption`), which is an order to drop what is queued. What it hears
and speaks are settings of the agent, told when the conversation begins. It cannot be made to
greet, but it can be told something. A close with 1000 is its end of the call.

Its parts: `config` (what it is told at the beginning), `signed_url` (where it is), `events` (what
it says), `speech` (turns, made into items).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import pybase64

from sipua.bridge.engine_api.base import WaitingEngine
from sipua.bridge.engine_api.events import (
    DropAudio,
    EngineFault,
    EngineHangsUp,
    Event,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    ToolCall,
    Unreadable,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.session_time import SessionTime
from sipua.bridge.engine_api.settings import (
    CALLER_WRITES,
    AudioFormat,
    EngineSettings,
    InjectedRole,
)
from sipua.bridge.engine_api.whole_samples import WholeSamples
from sipua.bridge.engines.elevenlabs_agent import events as wire
from sipua.bridge.engines.elevenlabs_agent.config import (
    FORMATS,
    address,
    initiation,
    signing_address,
)
from sipua.bridge.engines.elevenlabs_agent.signed_url import locate
from sipua.bridge.engines.elevenlabs_agent.speech import Speech
from sipua.bridge.engines.openai.decoder import Other, WireError, decode_audio
from sipua.bridge.engines.openai.details import TEXT_CHARS
from sipua.bridge.engines.openai.incoming import Incoming
from sipua.bridge.engines.streams.speech_items import QUIET_MS

MAX_CALLS: Final = 64  # that wait for their result
BAD_FORMAT: Final = "audio_format"

_AUDIO_HEAD: Final = b'{"user_audio_chunk":"'
_AUDIO_TAIL: Final = b'"}'
_MOST: Final = 2**31  # pieces of a conversation: beyond, it is not a number of one
_DIGITS: Final = 12
_CAPABILITIES: Final = Capabilities(
    speech_events=False,
    truncate=False,
    cancel=False,
    tools=True,
    formats=frozenset(FORMATS.values()),
    asks=False,
    barge_in=False,
    paced_by_input=True,
)


class ElevenLabsAgent(WaitingEngine):
    """One conversation. See `EngineProtocol` for what each method promises."""

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
        self.name = "elevenlabs_agent"
        self.capabilities = _CAPABILITIES
        self.hears = self.speaks = AudioFormat.PCMU  # until it says
        self._settings = settings
        self._ready = False
        self._complained = False
        self._incoming = Incoming(wire.DECODER, wire.IGNORED)
        self._speech = Speech(0)
        self._time = SessionTime()
        self._calls: dict[str, None] = {}  # without a result
        self._responses = 0  # of tool calls alone
        self._samples = WholeSamples()
        self._counters = dict.fromkeys(
            ("faults", "interrupted", "pings", "tool_calls_dropped", "tool_results_late"), 0
        )

    # What the call asks for

    def start(self) -> Sequence[bytes]:
        return (_encode("conversation_initiation_client_data", **initiation(self._settings)),)

    def append_audio(self, audio: bytes) -> bytes:
        self._events += self._speech.heard(len(audio))
        self._events += self._time.fed(len(audio) / self.hears.bytes_per_ms)
        return b"".join((_AUDIO_HEAD, pybase64.b64encode(audio), _AUDIO_TAIL))

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        if call_id in self._calls:
            del self._calls[call_id]
            answer = {"tool_call_id": call_id, "result": output, "is_error": False}
            return (_encode("client_tool_result", **answer),)
        # Of a call that an earlier conversation made.
        self._counters["tool_results_late"] += 1
        return self.inject("system", f"A tool returned: {output}", respond=respond)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        """What is to be answered is a message of the user, the rest is for the agent to know."""
        if respond:
            return (_encode("user_message", text=f"[{text}]" if role == "system" else text),)
        told = text if role == "system" else f"{CALLER_WRITES}{text}"
        return (_encode("contextual_update", text=told),)

    def goodbye(self) -> Sequence[bytes]:
        self._events += self._time.rest()
        return ()

    def closed(self, code: int) -> Sequence[Event]:
        if code == 1000 and not self._complained:
            return (EngineHangsUp("the agent ended the conversation"),)
        return ()

    def counters(self) -> dict[str, int]:
        return {
            **self._incoming.counters,
            **self._counters,
            "late_deltas": self._speech.late_deltas,
            "words_unsounded": self._speech.words_unsounded,
        }

    # What the agent says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        events: list[Event | Unreadable] = [*self.take_events()]
        try:
            event = self._incoming.decode(message)
            events += self._HANDLERS[type(event)](self, event)
        except WireError as error:
            events.append(self._incoming.unreadable(error))
        return events

    def _on_metadata(self, event: wire.Metadata) -> Sequence[Event]:
        told = event.conversation_initiation_metadata_event
        if self._ready:
            return ()
        for what, name in (
            ("takes", told.user_input_audio_format),
            ("speaks", told.agent_output_audio_format),
        ):
            if name not in FORMATS:
                return (self._bad_format(what, name[:TEXT_CHARS]),)
        self.hears = FORMATS[told.user_input_audio_format]
        self.speaks = FORMATS[told.agent_output_audio_format]
        self._speech = Speech(QUIET_MS * self.hears.bytes_per_ms)
        self._ready = True
        return (SessionReady(told.conversation_id[:TEXT_CHARS]),)

    def _bad_format(self, what: str, name: str) -> EngineFault:
        self._counters["faults"] += 1
        setting = "user input audio format" if what == "takes" else "TTS output format"
        return EngineFault(
            BAD_FORMAT,
            f"the agent {what} {name or 'an unknown format'}: set its {setting} at the vendor to "
            f"ulaw_8000 (or {', '.join(one for one in FORMATS if one != 'ulaw_8000')})",
            fatal=True,
        )

    def _on_audio(self, event: wire.Audio) -> Sequence[Event]:
        self._complained = False  # it goes on
        audio = decode_audio(event.audio_event.audio_base_64)
        audio = self._samples.of(audio, self.speaks)
        if not audio or not self._ready:
            return ()
        return self._speech.audio(audio, _number(event.audio_event.event_id))

    def _on_interruption(self, event: wire.Interruption) -> Sequence[Event]:
        self._counters["interrupted"] += 1
        self._samples.forget()
        number = _number(event.interruption_event.event_id)
        return [DropAudio(), *self._speech.interrupted(number)]

    def _on_ping(self, event: wire.Ping) -> Sequence[Event]:
        self._counters["pings"] += 1
        self._outgoing.append(_encode("pong", event_id=event.ping_event.event_id))
        return ()

    def _on_caller(self, event: wire.UserTranscript) -> Sequence[Event]:
        return self._speech.caller_words(event.user_transcription_event.user_transcript)

    def _on_words(self, event: wire.AgentResponse) -> Sequence[Event]:
        return self._speech.words(event.agent_response_event.agent_response)

    def _on_complete(self, _event: wire.AgentResponseComplete) -> Sequence[Event]:
        self._samples.forget()
        return self._speech.ends("completed")

    def _on_tool_call(self, event: wire.ClientToolCall) -> Sequence[Event]:
        call = event.client_tool_call
        if len(self._calls) >= MAX_CALLS:
            self._counters["tool_calls_dropped"] += 1
            refusal = {"result": "Too many calls at once.", "is_error": True}
            told = _encode("client_tool_result", tool_call_id=call.tool_call_id, **refusal)
            self._outgoing.append(told)
            return ()
        self._calls[call.tool_call_id] = None
        self._responses += 1
        response_id = f"call_{self._responses}"
        arguments = bytes(call.parameters).decode()
        return [
            *self._speech.ends("completed"),
            ResponseStarted(response_id),
            ToolCall(
                call.tool_call_id,
                call.tool_name,
                "{}" if arguments == "null" else arguments,
                response_id,
            ),
            ResponseDone(response_id, "completed"),
        ]

    def _on_error(self, event: wire.Error) -> Sequence[Event]:
        error = event.error_event
        if error is None:
            return self._complaint("error", event.message or "")
        code = error.error_type or str(error.code or "error")
        said = ": ".join(filter(None, (error.reason, error.message)))
        return self._complaint(code, said)

    def _on_client_error(self, event: wire.ClientError) -> Sequence[Event]:
        return self._complaint("client_error", event.message or "")

    def _complaint(self, code: str, said: str) -> Sequence[Event]:
        self._counters["faults"] += 1
        self._complained = True
        return (EngineFault(code[:TEXT_CHARS], said[:TEXT_CHARS]),)

    def _on_other(self, event: Other) -> Sequence[Event]:
        return self._incoming.other(event)

    _HANDLERS: ClassVar[Mapping[type, Callable[[ElevenLabsAgent, Any], Sequence[Event]]]] = {
        wire.Metadata: _on_metadata,
        wire.Audio: _on_audio,
        wire.Interruption: _on_interruption,
        wire.Ping: _on_ping,
        wire.UserTranscript: _on_caller,
        wire.AgentResponse: _on_words,
        wire.AgentResponseComplete: _on_complete,
        wire.ClientToolCall: _on_tool_call,
        wire.Error: _on_error,
        wire.ClientError: _on_client_error,
        Other: _on_other,
    }


def _number(event_id: int | str) -> int:
    """Some versions of the service write numbers as text."""
    if isinstance(event_id, str):
        known = len(event_id) <= _DIGITS and event_id.isascii() and event_id.isdigit()
        event_id = int(event_id) if known else 0
    return event_id if event_id < _MOST else 0


def _encode(message_type: str, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": message_type, **fields})


def elevenlabs_engine(settings: EngineSettings) -> Engine:
    protocol, headers = ElevenLabsAgent(settings), dict(settings.headers)
    if not settings.api_key:
        return Engine(protocol, address(settings), headers)
    service = signing_address(settings)
    return Engine(protocol, service, headers, locate=locate(service, settings.api_key, headers))
