"""One client's Gemini session, without any I/O: client messages and `now` in, our messages out.

    setup ─▶ setupComplete ─▶ turns ─▶ goAway ─▶ the socket closes

There is no error message: what is wrong with a client's message closes the connection, with a code
and a text (`farewell`). A turn of the caller is detected by energy, as in Realtime's sessions, and
without a message; a caller who speaks into an answer that is still generated interrupts it.
"""

from typing import Any, ClassVar

from msgspec import UNSET, Raw, UnsetType

from sipua.bridge.agent.realtime.answers import RequestTools
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind, Trigger
from sipua.bridge.agent.speech.formats import PCM, Clip, linear
from sipua.bridge.agent.speech.input_turns import InputTurnDetector
from sipua.bridge.agent.turns.conversation import TurnConversation
from sipua.bridge.agent.turns.delivery import Delivery
from sipua.bridge.agent.turns.gemini import protocol
from sipua.bridge.agent.turns.gemini.garbage import garbage
from sipua.bridge.agent.turns.gemini.resumption import Past, Resumptions
from sipua.bridge.agent.wire.errors import ClientError
from sipua.codecs.vad import VadConfig

RATES = (8000, 16_000, 24_000)
TOKENS_PER_S = 25  # of audio, either way
GOING_SHARE = 0.2  # of a session's time is left when the client is told of its end
GOING_S = 50.0  # at most
MIN_TURN_MS = 100  # of a turn that the client delimits: less is none
INVALID, POLICY, INTERNAL = 1007, 1008, 1011
_CODES = {"session_not_found": POLICY, "session_in_use": INTERNAL}
_REASON_BYTES = 120  # of a close

# A model that is told not to answer does not: these are our own client's words.
_OBEYED = "do not answer this"


class GeminiConversation(TurnConversation[protocol.Outbox]):
    def __init__(
        self, shared: SharedAgentState, resumptions: Resumptions, *, entropy: str, now: float
    ) -> None:
        """`entropy`: what makes this session's ids unique."""
        super().__init__(shared, protocol.Outbox(entropy), now, prefix="session")
        self._resumptions = resumptions
        self._past = Past()
        limit_s = shared.settings.session_limit_s
        left_s = min(GOING_S, limit_s * GOING_SHARE)
        self._going_s: float | None = self._expires_s - left_s
        self._left_s = left_s
        self._setup: protocol.Setup | None = None
        self._seeding = False  # the client tells the past, which is not answered
        self._held = False  # the client has begun a turn of text, and not ended it
        self._activity = False  # the client says that the caller speaks
        self._heard_ms = 0.0

    def ended(self) -> None:
        """From now on another session may go on with this one."""
        self._past.open = False

    def _deadlines(self) -> list[float | None]:
        return [*super()._deadlines(), None if self._setup is None else self._going_s]

    def _on_time(self) -> None:
        if self._setup is not None and self._going_s is not None and self._now >= self._going_s:
            self._going_s = None
            self._out.say(goAway={"timeLeft": f"{self._left_s:g}s"})

    # The session

    def _take(self, message: bytes | str) -> None:
        said = protocol.decode(message)
        if isinstance(said, protocol.Setup) is (self._setup is not None):
            raise ClientError("invalid_argument", "The first message is setup, and no other.")
        self._HANDLERS[type(said)](self, said)

    def _refuse(self, error: ClientError) -> None:
        self.closed = True
        reason = error.message.encode()[:_REASON_BYTES].decode(errors="ignore")
        self.farewell = (_CODES.get(error.code, INVALID), reason)

    def _begin(self, setup: protocol.Setup) -> None:
        resumption = setup.session_resumption
        if not isinstance(resumption, UnsetType) and resumption.handle:
            self._past = Past(self._resumptions.take(resumption.handle).begun)
            self._begun = self._past.begun
        self._setup = setup
        self._seeding = setup.history_config.initial_history_in_client_content
        tools = [] if isinstance(setup.tools, UnsetType) else setup.tools
        functions = [function.name for tool in tools for function in tool.function_declarations]
        self._tools = RequestTools(names=tuple(functions))
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
        if self._input is not None and self._input.format.rate == rate:
            return self._input
        if rate not in RATES:
            raise ClientError("invalid_argument", f"The local server has no audio at {rate} Hz.")
        return self._listen(linear(rate))

    def _detection(self) -> VadConfig | None:
        assert self._setup is not None
        settings = self._settings
        detection = self._setup.realtime_input_config.automatic_activity_detection
        if detection.disabled:
            return None
        silence_ms = detection.silence_duration_ms or settings.silence_ms
        return VadConfig(settings.threshold, settings.prefix_padding_ms, silence_ms)

    # What the client says

    def _take_input(self, said: protocol.RealtimeInput) -> None:
        assert self._setup is not None
        if isinstance(said.audio, protocol.Blob):
            audio, rate = protocol.audio_of(said.audio)
            turns = self._input_of(rate)
            self._heard_ms += len(audio) / turns.format.bytes_per_ms
            self._hear(turns, audio)
        if isinstance(said.text, str) and not self._caller_speaks and _OBEYED not in said.text:
            self._interrupt()
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

    def _end_activity(self) -> None:
        audio = b"" if self._input is None else self._input.take()
        if self._input is not None and len(audio) >= MIN_TURN_MS * self._input.format.bytes_per_ms:
            self._caller_finished(audio)
        else:
            self._answer("speak", None)

    def _caller_began(self) -> None:
        assert self._setup is not None
        if self._setup.realtime_input_config.activity_handling != "NO_INTERRUPTION":
            super()._caller_began()

    def _interrupt(self) -> None:
        """End what the model says, or waits for."""
        delivery, cancelled = self._delivery, sorted(self._calls)
        if cancelled:
            self._calls = {}
            self._out.say(toolCallCancellation={"ids": cancelled})
        elif delivery is None:
            return
        if delivery is None or not delivery.generated:
            self.counters.interrupted += 1
            self._out.say(serverContent={"interrupted": True})
        self._end_turn()

    def _tell_words(self, words: str) -> None:
        assert self._setup is not None
        if words and not isinstance(self._setup.input_audio_transcription, UnsetType):
            self._out.say(serverContent={"inputTranscription": {"text": words}})

    def _read(self, said: protocol.ClientContent) -> None:
        self._held = not said.turn_complete
        if self._seeding:
            self._seeding = self._held
            self._begun = self._past.begun = self._begun or bool(said.turns)
            return
        self._interrupt()
        if said.turn_complete:
            self._answer("speak", None)

    def _take_results(self, said: protocol.ToolResponse) -> None:
        for response in said.function_responses:
            if not isinstance(response.id, UnsetType):
                self._take_result(response.id)

    # Answers

    def _answer(self, trigger: Trigger, clip: Clip | None, words: str | None = None) -> None:
        if not self._held:  # it waits for the end of the client's text
            super()._answer(trigger, clip, words)

    def _before_answer(self) -> None:
        self._past.begun = True
        self._offer(resumable=False)

    def _say(self, piece: bytes, delivery: Delivery) -> None:
        assert self._setup is not None
        self._out.audio(piece, PCM.rate)
        text = delivery.words()
        if text and not isinstance(self._setup.output_audio_transcription, UnsetType):
            self._out.say(serverContent={"outputTranscription": {"text": text}})

    def _tell_generated(self) -> None:
        self._out.say(serverContent={"generationComplete": True})

    def _tell_calls(self, calls: dict[str, FunctionCall]) -> None:
        told = [
            {"id": call_id, "name": call.name, "args": Raw(call.arguments.encode())}
            for call_id, call in calls.items()
        ]
        self._out.say(toolCall={"functionCalls": told})

    def _fail(self, code: str) -> None:
        self._tell_end(turnCompleteReason="RESPONSE_REJECTED")
        super()._end_turn()

    def _cancel(self) -> None:
        self._out.say(serverContent={"interrupted": True})
        self._end_turn()

    def _end_turn(self) -> None:
        self._tell_end()
        super()._end_turn()

    def _tell_end(self, **content: str) -> None:
        said_ms = 0 if self._delivery is None else self._delivery.sent_ms
        said = said_ms * TOKENS_PER_S // 1000
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

    def _garbage(self, kind: GarbageKind) -> bytes:
        return garbage(kind)

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        protocol.Setup: _begin,
        protocol.ClientContent: _read,
        protocol.RealtimeInput: _take_input,
        protocol.ToolResponse: _take_results,
    }
