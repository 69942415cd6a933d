"""One client's Gemini session, without any I/O: client messages and `now` in, our messages out.

    setup ─▶ setupComplete ─▶ turns ─▶ goAway ─▶ the socket closes

There is no error message: what is wrong with a client's message closes the connection, with a code
and a text (`farewell`). A turn of the caller is detected by energy, as in Realtime's sessions, and
without a message; a caller who speaks into an answer that is still generated interrupts it.
"""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from sipua.bridge.agent.gemini import protocol
from sipua.bridge.agent.gemini.calls import OpenCalls
from sipua.bridge.agent.gemini.garbage import garbage
from sipua.bridge.agent.gemini.generation import TOKENS_PER_S, Generation
from sipua.bridge.agent.gemini.resumption import Past, Resumptions
from sipua.bridge.agent.realtime.answers import Answers, RequestTools, loss
from sipua.bridge.agent.realtime.conversation import Counters
from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.realtime.transcript_wait import Recording
from sipua.bridge.agent.scenario.scenario import Request, Trigger
from sipua.bridge.agent.speech.formats import PCM, Clip, WireFormat
from sipua.bridge.agent.speech.input_turns import InputBufferFull, InputTurnDetector, Turn
from sipua.bridge.agent.speech.speaker import Speaker
from sipua.bridge.agent.wire.errors import ClientError
from sipua.codecs.vad import VadConfig

RATES = (8000, 16_000, 24_000)
GOING_SHARE = 0.2  # of a session's time is left when the client is told of its end
GOING_S = 50.0  # at most
MIN_TURN_MS = 100  # of a turn that the client delimits: less is none
INVALID, POLICY, INTERNAL = 1007, 1008, 1011
_CODES = {"session_not_found": POLICY, "session_in_use": INTERNAL}
_REASON_BYTES = 120  # of a close

# A model that is told not to answer does not: these are our own client's words.
_OBEYED = "do not answer this"


class GeminiConversation:
    def __init__(
        self, shared: SharedAgentState, resumptions: Resumptions, *, entropy: str, now: float
    ) -> None:
        """`entropy`: what makes this session's ids unique."""
        self.counters = Counters()
        self.expired = False
        self.closed = False
        self.farewell = (1000, "")
        """Code and reason of the close."""
        self.loss: Loss | None = None  # of the connection, when a scenario wants it
        self._shared = shared
        self._settings = settings = shared.settings
        self._resumptions = resumptions
        self._past = Past()
        self._out = protocol.Outbox(entropy)
        self.id = self._out.new_id("session")
        self._expires_s = now + settings.session_limit_s
        left_s = min(GOING_S, settings.session_limit_s * GOING_SHARE)
        self._going_s: float | None = self._expires_s - left_s
        self._left_s = left_s
        self._setup: protocol.Setup | None = None
        self._seeding = False  # the client tells the past, which is not answered
        self._held = False  # the client has begun a turn of text, and not ended it
        self._input: InputTurnDetector | None = None
        self._activity = False  # the client says that the caller speaks
        self._heard_ms = 0.0
        self._script = shared.script(now)
        speaker = Speaker(settings.mode, greeting=settings.greeting)
        self._answers = Answers(self._script, speaker, shared.voices)
        self._generation: Generation | None = None
        self._next: tuple[Trigger, Clip | None, str | None] | None = None  # answered after it
        self._calls = OpenCalls(self._out)
        self._recordings: list[Recording] = []
        self._waiting: Recording | None = None  # its words decide the answer
        self._now = now

    def start(self) -> list[bytes]:
        return []  # the client speaks first

    def receive(self, message: bytes | str, now: float) -> list[bytes]:
        self.counters.messages += 1
        self._now = now
        if self.closed:
            return []
        try:
            said = protocol.decode(message)
            self._expect(said)
            self._HANDLERS[type(said)](self, said)
        except ClientError as error:
            self.counters.client_errors += 1
            self.closed = True
            reason = error.message.encode()[:_REASON_BYTES].decode(errors="ignore")
            self.farewell = (_CODES.get(error.code, INVALID), reason)
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
        due = [self._expires_s, self._script.next_deadline, self._going_s]
        if self._setup is None:
            due[2] = None
        if self._generation is not None:
            due.append(self._generation.due_s)
        return min(one for one in due if one is not None)

    def handle_timer(self, now: float) -> list[bytes]:
        self._now = now
        self._advance()
        if (step := self._script.timed(now)) is not None:
            for kind in step.garbage:
                self._out.raw(garbage(kind))
            self.loss = self.loss or loss(step)
        if self._setup is not None and self._going_s is not None and now >= self._going_s:
            self._going_s = None
            self._out.say(goAway={"timeLeft": f"{self._left_s:g}s"})
        if now >= self._expires_s:
            self.expired = self.closed = True
        return self._out.take()

    def ended(self) -> None:
        """The connection is gone: from now on another session may go on with this one."""
        self._past.open = False

    # The session

    def _expect(self, said: object) -> None:
        if isinstance(said, protocol.Setup) is (self._setup is not None):
            raise ClientError("invalid_argument", "The first message is setup, and no other.")

    def _begin(self, setup: protocol.Setup) -> None:
        resumption = setup.session_resumption
        if not isinstance(resumption, UnsetType) and resumption.handle:
            self._past = Past(self._resumptions.take(resumption.handle).begun)
        self._setup = setup
        self._seeding = setup.history_config.initial_history_in_client_content
        self._out.say(setupComplete={"sessionId": self.id})
        self._offer()

    def _offer(self, resumable: bool = True) -> None:
        """A handle to go on with, from here. While something is said there is none."""
        assert self._setup is not None
        if isinstance(self._setup.session_resumption, UnsetType):
            return
        if not resumable:
            self._out.say(sessionResumptionUpdate={})
        else:
            handle = self._out.new_id("handle")
            self._resumptions.add(handle, self._past)
            self._out.say(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    def _input_of(self, rate: int) -> InputTurnDetector:
        assert self._setup is not None
        if self._input is not None and self._input.format.rate == rate:
            return self._input
        if rate not in RATES:
            raise ClientError("invalid_argument", f"The local server has no audio at {rate} Hz.")
        form = WireFormat("audio/pcm", rate, 2, None)
        settings = self._settings
        detection = self._setup.realtime_input_config.automatic_activity_detection
        vad = None
        if not detection.disabled:
            silence_ms = detection.silence_duration_ms or settings.silence_ms
            vad = VadConfig(settings.threshold, settings.prefix_padding_ms, silence_ms)
        self._input = InputTurnDetector(form, vad, settings.max_input_s)
        return self._input

    # What the client says

    def _hear(self, said: protocol.RealtimeInput) -> None:
        assert self._setup is not None
        if isinstance(said.audio, protocol.Blob):
            self._hear_audio(said.audio)
        if isinstance(said.text, str) and not self._speaks and _OBEYED not in said.text:
            self._cut()
            self._answer("speak", None)
        manual = self._setup.realtime_input_config.automatic_activity_detection.disabled
        starts = said.activity_start is not UNSET
        if starts or said.activity_end is not UNSET:
            if not manual or starts is self._activity:
                raise ClientError("invalid_argument", "No such activity can begin or end now.")
            self._activity = starts
            if starts:
                self._caller_began()
            else:
                self._end_activity()

    def _hear_audio(self, blob: protocol.Blob) -> None:
        audio, rate = protocol.audio_of(blob)
        turns = self._input_of(rate)
        self._heard_ms += len(audio) / turns.format.bytes_per_ms
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
    def _speaks(self) -> bool:
        return self._input is not None and self._input.speaking

    def _end_activity(self) -> None:
        audio = b"" if self._input is None else self._input.take()
        if self._input is not None and len(audio) >= MIN_TURN_MS * self._input.format.bytes_per_ms:
            self._caller_finished(audio)
        else:
            self._answer("speak", None)

    def _caller_began(self) -> None:
        assert self._setup is not None
        if self._setup.realtime_input_config.activity_handling == "NO_INTERRUPTION":
            return
        self._next = None
        self._cut()

    def _cut(self) -> None:
        """End what the model says, or waits for."""
        cancelled = self._calls.cancel()
        generation = self._generation
        if generation is None and not cancelled:
            return
        if generation is None or not generation.generated:
            self.counters.interrupted += 1
            self._out.say(serverContent={"interrupted": True})
        self._end_turn()

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

    def _tell_words(self, words: str) -> None:
        assert self._setup is not None
        if words and not isinstance(self._setup.input_audio_transcription, UnsetType):
            self._out.say(serverContent={"inputTranscription": {"text": words}})

    def _read(self, said: protocol.ClientContent) -> None:
        self._held = not said.turn_complete
        if self._seeding:
            self._seeding = self._held
            self._past.begun = self._past.begun or bool(said.turns)
            return
        self._cut()
        if said.turn_complete:
            self._answer("speak", None)

    def _take_results(self, said: protocol.ToolResponse) -> None:
        if self._calls.answer(said.function_responses):
            self._answer("tool_result", None)

    # Answers

    def _answer(self, trigger: Trigger, clip: Clip | None, words: str | None = None) -> None:
        assert self._setup is not None
        if self._held:
            return  # it waits for the end of the client's text
        if self._generation is not None or self._calls.waiting:
            self._next = (trigger, clip, words)
            return
        if trigger == "speak" and not self._past.begun:
            trigger = "greeting"
        self._past.begun = True
        self._offer(resumable=False)
        self.counters.responses += 1
        names = tuple(
            function.name
            for tool in self._setup.tools or []
            for function in tool.function_declarations
        )
        request, tools = Request(trigger, words), RequestTools(names=names)
        answer = self._answers.answer(request, clip, PCM, tools, self._now)
        for kind in answer.garbage:
            self._out.raw(garbage(kind))
        if answer.call_first and answer.calls:
            self._calls.call(answer.calls)
        self._generation = Generation(
            answer,
            self._out,
            self._settings,
            transcribed=not isinstance(self._setup.output_audio_transcription, UnsetType),
            now=self._now,
        )
        self._advance()

    def _advance(self) -> None:
        generation = self._generation
        if generation is None or not generation.advance(self._now):
            return
        answer = generation.answer
        if generation.generated:
            self._end_turn()
        elif answer.planned_end is not None:
            self._end_as_planned(generation)
        elif answer.calls and not answer.call_first:
            self._generation = None  # the turn goes on with the results
            self._calls.call(answer.calls)
        else:
            generation.complete()

    def _end_as_planned(self, generation: Generation) -> None:
        end = generation.answer.planned_end
        assert end is not None
        self.loss = self.loss or end.loss
        if end.kind == "failed":
            self._end_turn(turnCompleteReason="RESPONSE_REJECTED")
        elif end.kind == "cancelled":
            self._out.say(serverContent={"interrupted": True})
            self._end_turn()
        else:
            generation.due_s = float("inf")  # nothing more comes of it

    def _end_turn(self, **content: str) -> None:
        generation, self._generation = self._generation, None
        said = 0 if generation is None else generation.tokens
        heard = round(self._heard_ms / 1000 * TOKENS_PER_S)
        self._out.say(
            serverContent={"turnComplete": True, **content},
            usageMetadata={
                "promptTokenCount": heard,
                "responseTokenCount": said,
                "totalTokenCount": heard + said,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": heard}],
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": said}],
            },
        )
        self._offer()
        if self._next is not None:
            trigger, clip, words = self._next
            self._next = None
            self._answer(trigger, clip, words)

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        protocol.Setup: _begin,
        protocol.ClientContent: _read,
        protocol.RealtimeInput: _hear,
        protocol.ToolResponse: _take_results,
    }
