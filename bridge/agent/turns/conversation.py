"""One session of an agent that takes turns by itself, without any I/O: what these protocols share.

    the caller's audio ─▶ a turn, found by energy ─▶ an answer: words, audio, tool calls
                                                       └─ the caller speaks into it: interrupted

A protocol says how each of these is told. What a scenario wants instead of an answer happens here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from sipua.bridge.agent.realtime.answers import Answers, RequestTools, loss
from sipua.bridge.agent.realtime.conversation import Counters
from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.realtime.transcript_wait import Recording
from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind, Request, Trigger
from sipua.bridge.agent.speech.formats import PCM, Clip, WireFormat
from sipua.bridge.agent.speech.input_turns import InputBufferFull, InputTurnDetector, Turn
from sipua.bridge.agent.speech.speaker import Speaker
from sipua.bridge.agent.turns.delivery import Delivery
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import Messages
from sipua.codecs.vad import VadConfig

O = TypeVar("O", bound=Messages)  # noqa: E741 - of the outbox


class TurnConversation(ABC, Generic[O]):
    def __init__(self, shared: SharedAgentState, out: O, now: float, *, prefix: str) -> None:
        """`prefix`: of the session's id."""
        self.counters = Counters()
        self.expired = False
        self.closed = False
        self.farewell = (1000, "")
        """Code and reason of the close."""
        self.loss: Loss | None = None  # of the connection, when a scenario wants it
        self.id = out.new_id(prefix)
        self._out = out
        self._shared = shared
        self._settings = settings = shared.settings
        self._expires_s = now + settings.session_limit_s
        self._begun = False  # something was said
        self._input: InputTurnDetector | None = None
        self._speaks: WireFormat = PCM
        self._script = shared.script(now)
        speaker = Speaker(settings.mode, greeting=settings.greeting)
        self._answers = Answers(self._script, speaker, shared.voices)
        self._tools = RequestTools()
        self._delivery: Delivery | None = None
        self._calls: dict[str, FunctionCall] = {}  # without a result: so long it says nothing
        self._next: tuple[Trigger, Clip | None, str | None] | None = None  # answered after it
        self._recordings: list[Recording] = []
        self._waiting: Recording | None = None  # its words decide the answer
        self._now = now

    # What the server asks for

    def start(self) -> list[bytes]:
        return []  # the client speaks first

    def receive(self, message: bytes | str, now: float) -> list[bytes]:
        self.counters.messages += 1
        self._now = now
        if self.closed:
            return []
        try:
            self._take(message)
        except ClientError as error:
            self.counters.client_errors += 1
            self._refuse(error)
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
        if self.closed:
            return []
        self._tell_words(words or "")
        if recording is self._waiting:
            self._waiting = None
            self._answer("speech", recording.clip, words)
        return self._out.take()

    def next_deadline(self) -> float:
        return min(due for due in self._deadlines() if due is not None)

    def handle_timer(self, now: float) -> list[bytes]:
        self._now = now
        self._advance()
        if (step := self._script.timed(now)) is not None:
            for kind in step.garbage:
                self._out.raw(self._garbage(kind))
            self.loss = self.loss or loss(step)
        self._on_time()
        if now >= self._expires_s:
            self.expired = self.closed = True
        return self._out.take()

    def ended(self) -> None:
        """The connection is gone."""

    def _deadlines(self) -> list[float | None]:
        delivery = self._delivery
        due_s = None if delivery is None else delivery.due_s
        return [self._expires_s, self._script.next_deadline, due_s]

    def _on_time(self) -> None:
        """One of the deadlines has come."""

    # The caller

    def _detection(self) -> VadConfig | None:
        settings = self._settings
        return VadConfig(settings.threshold, settings.prefix_padding_ms, settings.silence_ms)

    def _listen(self, form: WireFormat) -> InputTurnDetector:
        self._input = InputTurnDetector(form, self._detection(), self._settings.max_input_s)
        return self._input

    def _hear(self, turns: InputTurnDetector, audio: bytes) -> None:
        try:
            events = turns.append(audio)
        except InputBufferFull:
            turns.take()  # nobody takes this turn
            return
        for event in events:
            if isinstance(event, Turn):
                self._caller_finished(event.audio)
            else:
                self._waiting = None  # the caller goes on speaking
                self._caller_began()

    @property
    def _caller_speaks(self) -> bool:
        return self._input is not None and self._input.speaking

    def _caller_began(self) -> None:
        self._next = None
        self._interrupt()

    def _caller_finished(self, audio: bytes) -> None:
        assert self._input is not None
        self.counters.turns += 1
        form = self._input.format
        caption = f"[{len(audio) / form.bytes_per_ms / 1000:.1f} s of speech]"
        clip = Clip(audio, form, caption)
        if not self._shared.uses_words:
            self._tell_words(caption)
            self._answer("speech", clip)
            return
        recording = Recording(self._out.new_id("turn"), clip)
        self._recordings.append(recording)
        if self._settings.scenario.uses_words:
            self._waiting = recording
        else:
            self._answer("speech", clip)

    # Answers

    def _answer(self, trigger: Trigger, clip: Clip | None, words: str | None = None) -> None:
        if self._delivery is not None or self._calls:
            self._next = (trigger, clip, words)
            return
        if trigger == "speak" and not self._begun:
            trigger = "greeting"
        self._begun = True
        self._before_answer()
        self.counters.responses += 1
        answer = self._answers.answer(
            Request(trigger, words), clip, self._speaks, self._tools, self._now
        )
        for kind in answer.garbage:
            self._out.raw(self._garbage(kind))
        if answer.call_first and answer.calls:
            self._call(answer.calls)
        self._delivery = Delivery(answer, self._speaks, self._settings, self._now)
        self._advance()

    def _advance(self) -> None:
        delivery = self._delivery
        if delivery is None:
            return
        for piece in delivery.pieces(self._now):
            self._say(piece, delivery)
        if not delivery.has_left(self._now):
            return
        answer = delivery.answer
        if delivery.generated:
            self._end_turn()
        elif answer.planned_end is not None:
            self._end_as_planned(delivery)
        elif answer.calls and not answer.call_first:
            self._delivery = None  # the turn goes on with the results
            self._call(answer.calls)
        else:
            delivery.completed()
            self._tell_generated()

    def _end_as_planned(self, delivery: Delivery) -> None:
        end = delivery.answer.planned_end
        assert end is not None
        self.loss = self.loss or end.loss
        if end.kind == "failed":
            self._fail(end.code)
        elif end.kind == "cancelled":
            self._cancel()
        else:
            delivery.stop()

    def _end_turn(self) -> None:
        self._delivery = None
        self._go_on()

    def _go_on(self) -> None:
        if self._next is not None:
            trigger, clip, words = self._next
            self._next = None
            self._answer(trigger, clip, words)

    def _call(self, calls: tuple[FunctionCall, ...]) -> None:
        self._calls = {self._out.new_id("fc"): call for call in calls}
        self._tell_calls(self._calls)

    def _take_result(self, call_id: str) -> None:
        """One of a call that is not open says nothing."""
        if call_id in self._calls:
            del self._calls[call_id]
            if not self._calls:
                self._answer("tool_result", None)

    # What the protocol says

    @abstractmethod
    def _take(self, message: bytes | str) -> None:
        """Raises ClientError."""

    @abstractmethod
    def _refuse(self, error: ClientError) -> None:
        """The client's message was wrong."""

    @abstractmethod
    def _tell_words(self, words: str) -> None:
        """The caller's; empty: none were found."""

    @abstractmethod
    def _interrupt(self) -> None:
        """The caller speaks, whatever the agent does."""

    def _before_answer(self) -> None:
        """Of one that is made now."""

    @abstractmethod
    def _say(self, piece: bytes, delivery: Delivery) -> None: ...

    @abstractmethod
    def _tell_generated(self) -> None:
        """All of the answer has left."""

    @abstractmethod
    def _tell_calls(self, calls: dict[str, FunctionCall]) -> None:
        """By their ids."""

    @abstractmethod
    def _fail(self, code: str) -> None:
        """The answer fails."""

    def _cancel(self) -> None:
        """The answer ends as if the caller had spoken."""
        self._interrupt()
        self._go_on()

    @abstractmethod
    def _garbage(self, kind: GarbageKind) -> bytes: ...
