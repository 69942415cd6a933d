"""One client's Live session, without any I/O: client events and `now` in, our events out.

    session.start ─▶ session.started ─▶ … ─▶ session.close ─▶ session.closed, the socket closes

Its time is the audio that the client appends: for each 0.1 s of input 0.1 s of output leaves,
silent or not, and nothing happens between. A turn of the caller is detected by energy, as in
Realtime's sessions, but without an event: the answer just comes, and a caller who speaks into it
ends it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import UNSET

from sipua.bridge.agent.live import protocol
from sipua.bridge.agent.live.backend import Backend
from sipua.bridge.agent.live.session import LiveSession, function_tools
from sipua.bridge.agent.live.track import STEP_MS, Track
from sipua.bridge.agent.realtime.answers import Answers, RequestTools, loss
from sipua.bridge.agent.realtime.conversation import Counters
from sipua.bridge.agent.realtime.response import Answer, Loss, PlannedEnd
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.realtime.transcript_wait import Recording
from sipua.bridge.agent.scenario.garbage import garbage
from sipua.bridge.agent.scenario.scenario import Request, Trigger
from sipua.bridge.agent.speech.formats import Clip, WireFormat
from sipua.bridge.agent.speech.input_turns import InputTurnDetector, Turn
from sipua.bridge.agent.speech.speaker import Speaker
from sipua.bridge.agent.wire.client_events import decode_audio, event_id_of
from sipua.bridge.agent.wire.errors import ClientError
from sipua.codecs.vad import VadConfig

MAX_APPEND_MS = 10_000
USAGE_EVERY_MS = 15_000
INJECTED_AFTER_MS = 200  # the delay of what the client appends for the model
MAX_MODEL_TEXTS = 64  # appended texts that are not yet due


@dataclass(frozen=True, slots=True)
class _ModelText:
    """A text that the client appended, on its way to the model."""

    kind: str
    due_ms: int
    event_id: str | None
    speaks: bool


class LiveConversation:
    def __init__(
        self,
        shared: SharedAgentState,
        *,
        entropy: str,  # what makes this session's ids unique
        wall_s: float,  # wall clock, only shown to the client
        now: float,
    ) -> None:
        self.counters = Counters()
        self.expired = False
        self.closed = False
        self.loss: Loss | None = None  # of the connection, when a scenario wants it
        self._shared = shared
        self._settings = settings = shared.settings
        self._out = protocol.LiveOutbox(entropy)
        self.id = self._out.new_id("live")
        self._wall_s = wall_s
        self._expires_s = now + settings.session_limit_s
        self._session: LiveSession | None = None
        self._input: InputTurnDetector | None = None
        self._track: Track | None = None
        self._backend = Backend(self._out)
        self._script = shared.script(now)
        speaker = Speaker(settings.mode, greeting=settings.greeting)
        self._answers = Answers(self._script, speaker, shared.voices)
        self._now = now
        self._recordings: list[Recording] = []
        self._spans: dict[str, tuple[int, int]] = {}  # of turns whose words are awaited
        self._waiting: Recording | None = None  # its words decide the answer
        self._muted = False
        self._input_ms = 0.0
        self._model_texts: list[_ModelText] = []

    def start(self) -> list[bytes]:
        return []  # the client speaks first

    def receive(self, message: bytes | str, now: float) -> list[bytes]:
        self.counters.messages += 1
        self._now = now
        event_id = None
        try:
            event = protocol.DECODER.decode(message)
            event_id = event.event_id
            if self.closed:
                return []
            self._expect(event)
            self._HANDLERS[type(event)](self, event)
        except ClientError as error:
            self.counters.client_errors += 1
            self._out.error(error, event_id or event_id_of(message))
        return self._out.take()

    def take_warnings(self) -> list[dict[str, object]]:
        return self._answers.take_warnings()

    def take_recordings(self) -> list[Recording]:
        """Turns whose words are wanted: `words_found` takes them."""
        taken, self._recordings = self._recordings, []
        return taken

    def words_found(self, recording: Recording, words: str | None, now: float) -> list[bytes]:
        """Take the words of a recording; None: the recogniser had no result."""
        self._now = now
        span = self._spans.pop(recording.item_id)
        if self.closed:
            return []
        if words:
            self._out.words("input", words, span)
        if recording is self._waiting:
            self._waiting = None
            self._answer("speech", recording.clip, words)
        return self._out.take()

    def next_deadline(self) -> float:
        timed_s = self._script.next_deadline
        return self._expires_s if timed_s is None else min(self._expires_s, timed_s)

    def handle_timer(self, now: float) -> list[bytes]:
        if (step := self._script.timed(now)) is not None:
            for kind in step.garbage:
                self._out.raw(garbage(kind))
            self.loss = self.loss or loss(step)
        if now >= self._expires_s and not self.closed:
            self.expired = True
            self._end("expired")
        return self._out.take()

    # The session

    def _expect(self, event: protocol.AnyEvent) -> None:
        starts = isinstance(event, protocol.Start)
        if self._session is None and not starts:
            raise ClientError("session_not_started", "The first event must be session.start.")
        if self._session is not None and starts:
            raise ClientError("session_already_started", "The session has started already.")

    def _start(self, event: protocol.Start) -> None:
        session = LiveSession(event.session)
        settings = self._settings
        vad = VadConfig(settings.threshold, settings.prefix_padding_ms, settings.silence_ms)
        self._input = InputTurnDetector(session.format, vad, settings.max_input_s)
        self._track = Track(session.format, self._out)
        self._session = session
        self._out.event("session.started", session=self._view(), client_event_id=event.event_id)

    def _update(self, event: protocol.Update) -> None:
        assert self._session is not None
        self._session.update(event.session)
        self._out.event("session.updated", session=self._view(), client_event_id=event.event_id)

    def _close(self, event: protocol.Close) -> None:
        self._end("close_requested", event.event_id)

    def _end(self, reason: str, event_id: str | None = None) -> None:
        self.closed = True
        if self._session is None:
            return  # nothing to report
        self._out.event(
            "session.closed",
            reason=reason,
            session=self._view(),
            usage={"seconds": self._seconds()},
            client_event_id=event_id,
        )

    def _view(self) -> dict[str, Any]:
        assert self._session is not None
        return self._session.view(self.id, int(self._wall_s + self._settings.session_limit_s))

    def _seconds(self) -> int:
        return round(self._track.position_ms / 1000) if self._track is not None else 0

    # The caller's audio

    def _append(self, event: protocol.Append) -> None:
        input_turns, track = self._input, self._track
        assert input_turns is not None
        assert track is not None
        audio = decode_audio(event.audio, "audio")
        if len(audio) > MAX_APPEND_MS * input_turns.format.bytes_per_ms:
            raise ClientError(
                "string_above_max_length",
                f"Invalid 'audio': expected at most {MAX_APPEND_MS} ms of it.",
                "audio",
            )
        if self._muted:
            silent = 0 if input_turns.format.law is None else input_turns.format.law.silence
            audio = bytes([silent]) * len(audio)
        self._input_ms += len(audio) / input_turns.format.bytes_per_ms
        for turn_event in input_turns.append(audio):
            if isinstance(turn_event, Turn):
                self._turn(turn_event)
            else:
                self._waiting = None  # the caller goes on speaking
                self.counters.interrupted += track.give_way()
        while track.position_ms + STEP_MS <= self._input_ms:
            track.step()
            self._pass_texts()
            if track.position_ms % USAGE_EVERY_MS == 0:
                self._out.event("session.usage.updated", usage={"seconds": self._seconds()})

    def _turn(self, turn: Turn) -> None:
        assert self._input is not None
        self.counters.turns += 1
        wire = self._input.format
        seconds = len(turn.audio) / wire.bytes_per_ms / 1000
        caption = f"[{seconds:.1f} s of speech]"  # when there is no recogniser
        clip = Clip(turn.audio, wire, caption)
        span = (max(0, turn.audio_end_ms - round(seconds * 1000)), turn.audio_end_ms)
        if not self._shared.uses_words:
            self._out.words("input", caption, span)
            self._answer("speech", clip)
            return
        recording = Recording(self._out.new_id("turn"), clip)
        self._spans[recording.item_id] = span
        self._recordings.append(recording)
        if self._settings.scenario.uses_words:
            self._waiting = recording
        else:
            self._answer("speech", clip)

    def _mute(self, event: protocol.Mute) -> None:
        self._muted = True
        self._out.event("session.input_audio.muted", client_event_id=event.event_id)

    def _unmute(self, event: protocol.Unmute) -> None:
        self._muted = False
        self._out.event("session.input_audio.unmuted", client_event_id=event.event_id)

    # Texts for the model

    def _append_text(
        self, event: protocol.Instructions | protocol.Thinking | protocol.Commentary
    ) -> None:
        assert self._track is not None
        if event.delegation_id is not None:
            raise ClientError(
                "invalid_value",
                f"Unknown delegation: {event.delegation_id}.",  # none is ever given to the client
                "delegation_id",
            )
        if len(self._model_texts) == MAX_MODEL_TEXTS:
            raise ClientError("rate_limit_exceeded", "Too much was appended at once.")
        kind = str(type(event).__struct_config__.tag).removesuffix(".append")
        self._model_texts.append(
            _ModelText(
                kind,
                self._track.position_ms + INJECTED_AFTER_MS,
                event.event_id,
                isinstance(event, protocol.Commentary),
            )
        )

    def _pass_texts(self) -> None:
        """Pass appended texts to the model, in order, when the track has reached their time."""
        assert self._track is not None
        while self._model_texts and self._model_texts[0].due_ms <= self._track.position_ms:
            text = self._model_texts.pop(0)
            at_ms = self._track.position_ms
            self._out.event(
                f"{text.kind}.appended",
                start_ms=at_ms - INJECTED_AFTER_MS,
                end_ms=at_ms,
                client_event_id=text.event_id,
            )
            if text.speaks:
                begun = self.counters.responses or self.counters.turns
                self._answer("speak" if begun else "greeting", None)

    # Answers

    def _create_item(self, event: protocol.ItemCreate) -> None:
        self._responses("response.item.create")
        self._backend.take(event.item)

    def _create_response(self, _event: protocol.ResponseCreate) -> None:
        model = self._responses("response.create")
        if self._backend.go_on(model, self._wall_s):
            self._answer("tool_result", None)
        else:
            self._answer("speak", None)

    def _responses(self, event_type: str) -> str:
        """The backend's model; ClientError: the event needs one, and there is none."""
        assert self._session is not None
        backend = self._session.backend
        if backend is None:
            raise ClientError("invalid_value", f"{event_type} requires Responses delegation.")
        return str(backend.model)

    def _answer(self, trigger: Trigger, caller_clip: Clip | None, words: str | None = None) -> None:
        session, track = self._session, self._track
        assert session is not None
        assert track is not None
        self.counters.responses += 1
        backend = session.backend
        tools = RequestTools()
        if backend is not None:
            parallel = backend.parallel_tool_calls
            tools = RequestTools.of(
                function_tools(backend),
                backend.tool_choice,
                UNSET if parallel is None else parallel,
            )
        request = Request(trigger, words)
        answer = self._answers.answer(request, caller_clip, session.format, tools, self._now)
        for kind in answer.garbage:
            self._out.raw(garbage(kind))
        if answer.call_first:
            self._call(answer)
        clip = sent_clip(answer, session.format)
        if clip is None:
            self._finish(answer)
        else:
            after_ms = self._settings.latency_ms
            track.say(clip, after_ms=after_ms, then=lambda: self._finish(answer))

    def _finish(self, answer: Answer) -> None:
        if answer.planned_end is not None:
            self._apply(answer.planned_end)
        elif not answer.call_first:
            self._call(answer)

    def _call(self, answer: Answer) -> None:
        assert self._session is not None
        assert self._track is not None
        backend = self._session.backend
        if backend is not None and answer.calls and not self._backend.waiting:
            calls = [(call.name, call.arguments) for call in answer.calls]
            self._backend.call(str(backend.model), calls, self._track.position_ms, self._wall_s)

    def _apply(self, end: PlannedEnd) -> None:
        """End an answer as the scenario wants."""
        self.loss = self.loss or end.loss
        if end.kind == "failed":
            problem = ClientError(end.code, "The server had an error while it spoke.")
            self._out.error(problem, None, "server_error")

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        protocol.Start: _start,
        protocol.Update: _update,
        protocol.Append: _append,
        protocol.Mute: _mute,
        protocol.Unmute: _unmute,
        protocol.Instructions: _append_text,
        protocol.Thinking: _append_text,
        protocol.Commentary: _append_text,
        protocol.ItemCreate: _create_item,
        protocol.ResponseCreate: _create_response,
        protocol.Close: _close,
    }


def sent_clip(answer: Answer, form: WireFormat) -> Clip | None:
    """The audio of an answer that is sent: with the scenario's pause, up to the scenario's end."""
    clip = answer.clip
    if clip is None:
        return None
    at = answer.after_ms * form.bytes_per_ms
    data = clip.data if answer.planned_end is None else clip.data[:at]
    if answer.stall_ms:
        silence = bytes([0 if form.law is None else form.law.silence])
        data = data[:at] + silence * (answer.stall_ms * form.bytes_per_ms) + data[at:]
    if not data:
        return None
    return Clip(data, form, clip.transcript)
