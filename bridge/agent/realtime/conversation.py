"""One client's session, without any I/O: its events and `now` in, our events and a deadline out.

    receive(message, now)  -> events to send
    handle_timer(now)      -> events to send, when `next_deadline()` has come
    expired                -> the session is over; send the returned events, then close

    loss                   -> how the connection is lost now, when a scenario wants it

A turn: append → speech_started (interrupts a running response) → speech_stopped → committed →
item added, done → a response. The files beside this one hold the parts: `protocol` (events in and
out), `session` (its settings), `history`, `items`, `item_events` (the conversation), `answers`
(contents, by `scenario` or `speaker`), `response` (delivery); `speech/input_turns` finds the turns.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sipua.bridge.agent.realtime import protocol
from sipua.bridge.agent.realtime.answers import Answers, loss
from sipua.bridge.agent.realtime.history import History, Item
from sipua.bridge.agent.realtime.item_events import ItemEvents
from sipua.bridge.agent.realtime.items import created_item
from sipua.bridge.agent.realtime.requests import planned, request_tools
from sipua.bridge.agent.realtime.response import Answer, Loss, PlannedEnd, Response
from sipua.bridge.agent.realtime.session import ServerVad, default_session, updated_session
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.realtime.transcript_wait import Recording, TranscriptWait
from sipua.bridge.agent.scenario.garbage import garbage
from sipua.bridge.agent.scenario.scenario import Request, Trigger
from sipua.bridge.agent.speech.formats import Clip
from sipua.bridge.agent.speech.input_turns import InputBufferFull, InputTurnDetector, Turn
from sipua.bridge.agent.speech.speaker import Speaker
from sipua.bridge.agent.wire.client_events import decode_audio, event_id_of
from sipua.bridge.agent.wire.errors import ClientError
from sipua.codecs.vad import SpeechStarted

MIN_COMMIT_MS = 100
EXPIRED = "Your session hit the maximum duration of {minutes:.0f} minutes."


@dataclass(slots=True)
class Counters:
    messages: int = 0
    client_errors: int = 0
    turns: int = 0
    responses: int = 0
    interrupted: int = 0


class Conversation:
    def __init__(
        self,
        shared: SharedAgentState,
        *,
        model: str,
        dialect: protocol.ServerDialect = protocol.GA,
        entropy: str,  # what makes this session's ids unique
        expires_at: int,  # wall clock, only shown to the client
        now: float,
    ) -> None:
        self.counters = Counters()
        self.expired = False
        self.closed = False  # by the client's word; most just close the socket
        self.loss: Loss | None = None
        self._shared = shared
        self._settings = settings = shared.settings
        self._read = dialect.read
        self._out = dialect.outbox(entropy)
        self.id = self._out.new_id("sess")
        self._conversation_id = self._out.new_id("conv")
        self._expires_at = expires_at
        self._expires_s = now + settings.session_limit_s
        self._session = default_session(settings, model)
        self._history = History(settings.history_s * 48_000)
        self._items = ItemEvents(self._history, self._out)
        self._script = shared.script(now)
        speaker = Speaker(settings.mode, greeting=settings.greeting)
        self._answers = Answers(self._script, speaker, shared.voices)
        self._response: Response | None = None
        self._spoke = False
        self._input = InputTurnDetector(
            self._session.input_format, self._session.vad, settings.max_input_s
        )
        self._turn_item_id: str | None = None  # of the caller's present turn
        self._clip: Clip | None = None  # of the caller, since the last response
        self._fresh: Literal["", "tool_result", "user"] = ""  # the item that the client just made
        self._transcripts = TranscriptWait(self._out, uses_words=shared.uses_words)
        self._nudge_s: float | None = None  # idle_timeout_ms

    def start(self) -> list[bytes]:
        self._out.event("session.created", session=self._session_view())
        return self._out.take()

    def receive(self, message: bytes | str, now: float) -> list[bytes]:
        self.counters.messages += 1
        event_id = None
        try:
            event = self._read(message)
            event_id = event.event_id
            if type(event) is protocol.Append:
                self._append(event, now)
            else:
                self._HANDLERS[type(event)](self, event, now)
        except ClientError as error:
            self.counters.client_errors += 1
            self._out.error(error, event_id or event_id_of(message))
        return self._out.take()

    def take_warnings(self) -> list[dict[str, object]]:
        return self._answers.take_warnings()

    def take_recordings(self) -> list[Recording]:
        """Turns whose words are wanted: `words_found` takes them."""
        return self._transcripts.take_recordings()

    def words_found(self, recording: Recording, words: str | None, now: float) -> list[bytes]:
        """Take the words of a recording; None: the recogniser had no result."""
        self._transcripts.found(recording, words, transcribed=self._transcribed)
        self._answer_what_waited(now)
        return self._out.take()

    def _answer_what_waited(self, now: float) -> None:
        if (params := self._transcripts.ready(now)) is not None:
            self._respond(params, now)

    def next_deadline(self) -> float:
        deadline = self._expires_s
        if (timed_s := self._script.next_deadline) is not None:
            deadline = min(deadline, timed_s)
        if self._nudge_s is not None:
            deadline = min(deadline, self._nudge_s)
        if self._transcripts.due_s is not None:
            deadline = min(deadline, self._transcripts.due_s)
        if self._response is not None and (due_s := self._response.next_deadline) is not None:
            deadline = min(deadline, due_s)
        return deadline

    def handle_timer(self, now: float) -> list[bytes]:
        if self._response is not None and self._response.running:
            self._response.advance(now)
            self._settle(now)
        self._answer_what_waited(now)
        if self._nudge_s is not None and now >= self._nudge_s:
            self._nudge(now)
        if (step := self._script.timed(now)) is not None:
            for kind in step.garbage:
                self._out.raw(garbage(kind))
            self.loss = self.loss or loss(step)
        if now >= self._expires_s and not self.expired:
            self.expired = True
            text = EXPIRED.format(minutes=self._settings.session_limit_s / 60)
            self._out.error(ClientError("session_expired", text), None)
        return self._out.take()

    # The session

    def _update(self, event: protocol.SessionUpdate, now: float) -> None:
        updated = updated_session(self._session, event.session, self._settings)
        if self._spoke and updated.output.voice != self._session.output.voice:
            raise ClientError(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "session.audio.output.voice",
            )
        before, self._session = self._session, updated
        if updated.input_format != before.input_format:
            self._input.change_format(updated.input_format)
        if updated.input_format != before.input_format or updated.vad != before.vad:
            self._input.tune(updated.vad)
            self._turn_item_id = None
        self._nudge_s = None
        self._out.event("session.updated", session=self._session_view())

    def _session_view(self) -> dict[str, Any]:
        return self._session.view() | {"id": self.id, "expires_at": self._expires_at}

    def _finish(self, _event: protocol.Finish, _now: float) -> None:
        self._out.event("session.finished")
        self.closed = True

    # The caller's audio

    def _append(self, event: protocol.Append, now: float) -> None:
        try:
            events = self._input.append(decode_audio(event.audio, "audio"))
        except InputBufferFull:
            raise ClientError(
                "input_audio_buffer_full",
                f"The input audio buffer holds {self._settings.max_input_s} s at most: "
                "commit it or clear it.",
                "audio",
            ) from None
        for turn_event in events:
            if isinstance(turn_event, SpeechStarted):
                self._speech_started(turn_event.audio_start_ms, now)
            else:
                self._speech_stopped(turn_event, now)

    def _speech_started(self, start_ms: int, now: float) -> None:
        self._nudge_s = None
        self._turn_item_id = self._out.new_id("item")
        self._out.event(
            "input_audio_buffer.speech_started",
            audio_start_ms=start_ms,
            item_id=self._turn_item_id,
        )
        detection = self._session.turn_detection
        running = self._response is not None and self._response.running
        if detection is not None and detection.interrupt_response:
            self._transcripts.drop()
            if running:
                self._interrupt("turn_detected", now)

    def _speech_stopped(self, turn: Turn, now: float) -> None:
        self._out.event(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=turn.audio_end_ms,
            item_id=self._turn_item_id,
        )
        self._commit(turn.audio)
        detection = self._session.turn_detection
        if detection is not None and detection.create_response:
            self._respond(None, now)

    def _commit_asked(self, _event: protocol.Commit, _now: float) -> None:
        if self._input.buffered_ms < MIN_COMMIT_MS:
            raise ClientError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has "
                f"{self._input.buffered_ms:.2f}ms of audio.",
            )
        self._commit(self._input.take())

    def _commit(self, audio: bytes) -> None:
        self.counters.turns += 1
        wire = self._input.format
        item = Item(
            self._turn_item_id or self._out.new_id("item"),
            "message",
            role="user",
            content=[{"type": "input_audio", "transcript": None}],
            audio=audio,
            audio_ms=wire.duration_ms(len(audio)),
            format=wire,
        )
        self._turn_item_id = None
        caption = f"[{len(audio) / wire.bytes_per_ms / 1000:.1f} s of speech]"
        self._clip = Clip(audio, wire, caption)
        self._fresh = ""
        self._out.event(
            "input_audio_buffer.committed",
            previous_item_id=self._history.last_id,
            item_id=item.id,
        )
        self._items.add(item, None)
        self._transcripts.turn(item.id, self._clip, transcribed=self._transcribed)

    @property
    def _transcribed(self) -> bool:
        return self._session.input.transcription is not None

    def _clear(self, _event: protocol.Clear, _now: float) -> None:
        self._input.take()
        self._turn_item_id = None
        self._out.event("input_audio_buffer.cleared")

    def _clear_output(self, _event: protocol.ClearOutput, _now: float) -> None:
        raise ClientError(
            "invalid_value", "output_audio_buffer.clear is only for WebRTC and SIP.", "type"
        )

    def _nudge(self, now: float) -> None:
        """The caller was silent for idle_timeout_ms after the last response had been played."""
        self._nudge_s = None
        end_ms = self._input.end_ms
        detection = self._session.turn_detection
        idle_ms = detection.idle_timeout_ms if isinstance(detection, ServerVad) else None
        self._turn_item_id = self._out.new_id("item")
        self._out.event(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=max(0, end_ms - (idle_ms or 0)),
            audio_end_ms=end_ms,
            item_id=self._turn_item_id,
        )
        self._commit(self._input.take())
        self._clip = None  # silence cannot be echoed, and has no words
        self._transcripts.drop()
        self._respond(None, now)

    # Responses

    def _create_response(self, event: protocol.ResponseCreate, now: float) -> None:
        if self._response is not None and self._response.running:
            raise ClientError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self._response.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        self._respond(event.response, now)

    def _respond(self, params: protocol.ResponseParams | None, now: float) -> None:
        if self._response is not None and self._response.running:
            return  # a turn that may not interrupt gets no answer, as at the vendor
        params = params or protocol.ResponseParams()
        scenario = self._settings.scenario
        if scenario.uses_words and self._clip is not None and self._transcripts.awaits(params, now):
            return
        self.counters.responses += 1
        self._nudge_s = None
        plan = planned(self._session, params, self._conversation_id)
        answer = self._answers.answer(
            Request(self._trigger(params), self._transcripts.words),
            self._clip,
            plan.format,
            request_tools(self._session, params),
            now,
        )
        if self._shared.rate_limit.exhausted(now):
            answer = Answer(planned_end=PlannedEnd("failed", "rate_limit_exceeded"))
        self._clip, self._transcripts.words, self._fresh = None, None, ""
        self._response = Response(
            plan,
            answer,
            history=self._history,
            outbox=self._out,
            settings=self._settings,
            rate_limits=self._shared.rate_limit.view(now),
            now=now,
        )
        self._response.advance(now)
        self._settle(now)

    def _trigger(self, params: protocol.ResponseParams) -> Trigger:
        if self._fresh == "tool_result":
            return "tool_result"
        if self._clip is not None or (self._fresh == "user" and not params.instructions):
            return "speech"
        begun = any(item.role != "system" for item in self._history)
        return "speak" if begun or self._response is not None else "greeting"

    def _cancel_response(self, event: protocol.ResponseCancel, now: float) -> None:
        response = self._response
        if response is None or not response.running or event.response_id not in (None, response.id):
            raise ClientError(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        self._interrupt("client_cancelled", now)

    def _interrupt(self, reason: str, now: float) -> None:
        assert self._response is not None
        self.counters.interrupted += 1
        self._response.cancel(reason)
        self._settle(now)

    def _settle(self, now: float) -> None:
        """Update the session after each step of the response."""
        response = self._response
        assert response is not None
        self._spoke = self._spoke or response.has_spoken
        self.loss = self.loss or response.loss
        if not response.running:
            self._shared.rate_limit.spend(response.tokens, now)
        detection = self._session.turn_detection
        idle = isinstance(detection, ServerVad) and detection.idle_timeout_ms
        if not response.running and idle and self._turn_item_id is None:
            self._nudge_s = max(now, response.plays_until) + idle / 1000

    # The conversation's items

    def _create_item(self, event: protocol.ItemCreate, _now: float) -> None:
        item, clip = created_item(event.item, self._out, self._session.input_format, self._history)
        self._items.add(item, event.previous_item_id)
        self._fresh = "tool_result" if item.type == "function_call_output" else ""
        if item.role == "user":
            self._fresh = "user"
            self._clip = clip or self._clip
            typed = " ".join(part["text"] for part in item.content if "text" in part)
            self._transcripts.words = typed or None

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        protocol.SessionUpdate: _update,
        protocol.Finish: _finish,
        protocol.Commit: _commit_asked,
        protocol.Clear: _clear,
        protocol.ClearOutput: _clear_output,
        protocol.ItemCreate: _create_item,
        protocol.ItemDelete: lambda self, event, now: self._items.delete(event, now),
        protocol.ItemRetrieve: lambda self, event, now: self._items.retrieve(event, now),
        protocol.ItemTruncate: lambda self, event, now: self._items.truncate(event, now),
        protocol.ResponseCreate: _create_response,
        protocol.ResponseCancel: _cancel_response,
    }
