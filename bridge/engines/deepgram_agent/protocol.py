"""Deepgram's Voice Agent as a sans-IO protocol.

    Welcome → we send Settings → SettingsApplied = SessionReady

Sound crosses in binary messages, all else in text. The agent hears when the caller speaks, and
stops by itself; it knows nothing of what has been played. It answers what a user says, and so what
it is to say unasked (a greeting) goes in as a message of the user, in brackets. Its own `greeting`
is not used: it is said word for word, and ours is an instruction.

Its parts: `config` (our settings as it wants them), `events` (what it says), `speech` (turns, made
into items), `wishes` (what it is asked to say), `tools`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from sipua.bridge.engine_api.base import WaitingEngine
from sipua.bridge.engine_api.events import (
    EngineFault,
    EngineLost,
    Event,
    SessionReady,
    ToolCall,
    Unreadable,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine, Link
from sipua.bridge.engine_api.session_time import SessionTime
from sipua.bridge.engine_api.settings import CALLER_WRITES, EngineSettings, InjectedRole
from sipua.bridge.engine_api.whole_samples import WholeSamples
from sipua.bridge.engines.deepgram_agent import events as wire
from sipua.bridge.engines.deepgram_agent.config import (
    FORMATS,
    declared,
    endpoint,
    history,
    session_settings,
)
from sipua.bridge.engines.deepgram_agent.speech import Speech
from sipua.bridge.engines.deepgram_agent.tools import OpenCalls
from sipua.bridge.engines.deepgram_agent.wishes import Wishes
from sipua.bridge.engines.openai.decoder import MAX_MESSAGE_BYTES, Other, WireError
from sipua.bridge.engines.openai.details import TEXT_CHARS
from sipua.bridge.engines.openai.incoming import Incoming

SPEAK_NOW: Final = "[Speak to the caller now, do not wait for them to speak.]"
MAX_PROMPT_CHARS: Final = 24_000  # the vendor cuts what is longer than 25,000
MAX_WARNINGS: Final = 8  # that wait

_LINK: Final = Link(binary_audio=True)
_CAPABILITIES: Final = Capabilities(
    speech_events=True,
    truncate=False,
    cancel=False,
    tools=True,
    resume=True,
    formats=frozenset(FORMATS),
    paced_by_input=True,
)


class DeepgramAgent(WaitingEngine):
    """One session. See `EngineProtocol` for what each method promises."""

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
        self.name = "deepgram_agent"
        self.capabilities = _CAPABILITIES
        self.hears = self.speaks = settings.audio
        self._settings = settings
        self._session_id = ""
        self._configured = False
        self._ready = False
        self._incoming = Incoming(wire.DECODER, wire.IGNORED)
        self._speech = Speech()
        self._wishes = Wishes()
        self._calls = OpenCalls()
        self._time = SessionTime()
        self._notes: list[str] = []
        self._warnings: list[EngineFault] = []  # of the settings, which are taken all the same
        self._samples = WholeSamples()
        self._counters = dict.fromkeys(
            (
                *("faults", "warnings", "tools_left_out", "notes_dropped"),
                *("tool_calls_dropped", "tool_calls_cancelled", "tool_results_late"),
            ),
            0,
        )

    # What the call asks for

    def append_audio(self, audio: bytes) -> bytes:
        self._events += self._time.fed(len(audio) / self.hears.bytes_per_ms)
        if self._speech.caller_speaks:
            self._events += self._speech.passed(self._now_ms)
        self._outgoing += self._ask()
        return audio

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        self._wishes.add(f"[{instructions}]" if instructions else SPEAK_NOW)
        return self._ask()

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        self._events += self._speech.cut(item_id)
        return ()

    def cancel(self) -> Sequence[bytes]:
        self._events += self._speech.cut()
        self._wishes.answered()  # or never will be
        return ()

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        name = self._calls.take(call_id)
        if name is not None:
            self._wishes.expects = True
            return (_encode("FunctionCallResponse", id=call_id, name=name, content=output),)
        self._counters["tool_results_late"] += 1
        if self._calls.was_cancelled(call_id):
            return ()
        return self.inject("system", f"A tool returned: {output}", respond=respond)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        told = f"[{text}]" if role == "system" else f"{CALLER_WRITES}{text}"
        if respond:
            self._wishes.add(told)
            return self._ask()
        return self._note(told)

    def goodbye(self) -> Sequence[bytes]:
        self._events += self._time.rest()
        return ()

    def closed(self, code: int) -> Sequence[Event]:
        """It ends sessions politely as well, and would make another one."""
        if code == 1000:
            return (EngineLost(code, "the engine ended the session", retryable=True),)
        return ()

    def counters(self) -> dict[str, int]:
        return {
            **self._incoming.counters,
            **self._counters,
            "late_deltas": self._speech.late_deltas,
            "words_unsounded": self._speech.words_unsounded,
            "requests_refused": self._wishes.refused,
            "requests_dropped": self._wishes.dropped,
        }

    def _ask(self) -> Sequence[bytes]:
        """For an answer to what is wished, if it would be taken now."""
        if not self._ready or self._speech.answering or self._speech.caller_speaks:
            return ()
        text = self._wishes.take(self._time.fed_ms)
        return (_encode("InjectUserMessage", content=text),) if text else ()

    def _note(self, text: str) -> Sequence[bytes]:
        """A thing to know, and not to answer, has its place in the prompt."""
        self._notes.append(text)
        while len(prompt := self._prompt()) > MAX_PROMPT_CHARS and self._notes:
            del self._notes[0]
            self._counters["notes_dropped"] += 1
        return (_encode("UpdatePrompt", prompt=prompt),)

    def _prompt(self) -> str:
        return "\n\n".join(filter(None, (self._settings.instructions, *self._notes)))

    # What the agent says

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        events: list[Event | Unreadable] = [*self.take_events()]
        if isinstance(message, bytes):
            return [*events, *self._sound(message)]
        try:
            event = self._incoming.decode(message)
        except WireError as error:
            return [*events, self._incoming.unreadable(error)]
        events += self._HANDLERS[type(event)](self, event)
        self._outgoing += self._ask()
        return events

    def _sound(self, audio: bytes) -> Sequence[Event | Unreadable]:
        if len(audio) > MAX_MESSAGE_BYTES:
            return (self._incoming.unreadable(WireError("oversize", len(audio))),)
        audio = self._samples.of(audio, self.speaks)
        if not audio or not self._ready:
            return ()
        self._wishes.answered()
        return self._speech.audio(audio, self._now_ms)

    @property
    def _now_ms(self) -> int:
        return int(self._time.fed_ms)

    def _on_welcome(self, event: wire.Welcome) -> Sequence[Event]:
        if self._configured:
            return ()
        self._configured = True
        self._session_id = event.request_id[:TEXT_CHARS]
        tools = self._settings.tools
        self._counters["tools_left_out"] = len(tools) - len(declared(self._settings))
        self._outgoing.append(_encode("Settings", **session_settings(self._settings)))
        return ()

    def _on_applied(self, _event: wire.SettingsApplied) -> Sequence[Event]:
        if self._ready or not self._configured:
            return ()
        self._ready = True
        warnings, self._warnings = self._warnings, []
        told = len(history(self._settings.past))
        return (SessionReady(self._session_id, told), *warnings)

    def _on_words(self, event: wire.ConversationText) -> Sequence[Event]:
        if event.role == "assistant":
            return self._speech.agent_words(event.content)
        if self._wishes.is_echo(event.content):
            self._speech.next_turn()
            return ()
        self._wishes.expects = True
        return self._speech.caller_words(event.content, self._now_ms)

    def _on_caller(self, _event: wire.UserStartedSpeaking) -> Sequence[Event]:
        self._wishes.answered()
        self._samples.forget()
        return self._speech.caller_began(self._now_ms)

    def _on_turn(self, _event: wire.AgentThinking | wire.AgentStartedSpeaking) -> Sequence[Event]:
        self._speech.next_turn()
        return ()

    def _on_audio_done(self, _event: wire.AgentAudioDone) -> Sequence[Event]:
        self._wishes.answered()
        self._samples.forget()
        return self._speech.audio_done()

    def _on_calls(self, event: wire.FunctionCallRequest) -> Sequence[Event]:
        wanted = [one for one in event.functions if one.client_side]
        taken = []
        for one in wanted:
            if self._calls.add(one.id, one.name):
                taken.append(one)
                continue
            self._counters["tool_calls_dropped"] += 1
            refusal = {"id": one.id, "name": one.name, "content": "Too many calls at once."}
            self._outgoing.append(_encode("FunctionCallResponse", **refusal))
        if not taken:
            return ()
        self._wishes.answered()
        response_id, before, after = self._speech.calls(self._now_ms)
        calls = [ToolCall(one.id, one.name, one.arguments, response_id) for one in taken]
        self._wishes.expects = True
        return [*before, *calls, *after]

    def _on_cancelled(self, event: wire.FunctionCallCancelled) -> Sequence[Event]:
        cancelled = self._calls.cancel(one.id for one in event.functions)
        self._counters["tool_calls_cancelled"] += cancelled
        return ()

    def _on_refused(self, _event: wire.InjectionRefused) -> Sequence[Event]:
        self._wishes.was_refused(self._time.fed_ms)
        return ()

    def _on_error(self, event: wire.Error) -> Sequence[Event]:
        """The session is over, says the vendor, whatever it is."""
        self._counters["faults"] += 1
        code = event.code or "unknown"
        return (EngineFault(code[:TEXT_CHARS], event.description[:TEXT_CHARS], fatal=True),)

    def _on_warning(self, event: wire.Complaint) -> Sequence[Event]:
        self._counters["warnings"] += 1
        code = event.code or "unknown"
        warning = EngineFault(code[:TEXT_CHARS], event.description[:TEXT_CHARS])
        if self._ready:
            return (warning,)
        self._warnings = [*self._warnings[-MAX_WARNINGS:], warning]
        return ()

    def _on_other(self, event: Other) -> Sequence[Event]:
        return self._incoming.other(event)

    _HANDLERS: ClassVar[Mapping[type, Callable[[DeepgramAgent, Any], Sequence[Event]]]] = {
        wire.Welcome: _on_welcome,
        wire.SettingsApplied: _on_applied,
        wire.ConversationText: _on_words,
        wire.UserStartedSpeaking: _on_caller,
        wire.AgentThinking: _on_turn,
        wire.AgentStartedSpeaking: _on_turn,
        wire.AgentAudioDone: _on_audio_done,
        wire.FunctionCallRequest: _on_calls,
        wire.FunctionCallCancelled: _on_cancelled,
        wire.InjectionRefused: _on_refused,
        wire.Error: _on_error,
        wire.Complaint: _on_warning,
        Other: _on_other,
    }


def _encode(message_type: str, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": message_type, **fields})


def deepgram_engine(settings: EngineSettings) -> Engine:
    url, headers = endpoint(settings)
    return Engine(DeepgramAgent(settings), url, headers, _LINK)
