"""One conversation of an agent of ElevenLabs, without any I/O: client messages and `now` in, ours
out.

    conversation_initiation_client_data ─▶ conversation_initiation_metadata ─▶ first words, turns

The agent begins by itself, and interrupts itself: `interruption` names the last piece of audio that
counts. What is wrong with a message closes the connection.
"""

from typing import Any, ClassVar, Final

import pybase64
from msgspec import Raw

from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind
from sipua.bridge.agent.turns.conversation import TurnConversation
from sipua.bridge.agent.turns.delivery import Delivery
from sipua.bridge.agent.turns.elevenlabs import messages
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import TypedMessages

PING_S: Final = 5.0
POLICY, INTERNAL = 1008, 1011
_REASON_BYTES: Final = 120  # of a close


class ElevenLabsConversation(TurnConversation[TypedMessages]):
    def __init__(
        self, shared: SharedAgentState, agent_id: str, *, entropy: str, now: float
    ) -> None:
        """`agent_id`: the local server's agents are named as the format that they hear and speak;
        one of another name has the usual one. `entropy`: what makes this session's ids unique.
        """
        super().__init__(shared, TypedMessages(entropy), now, prefix="conv")
        self._format = agent_id if agent_id in messages.FORMATS else messages.USUAL_FORMAT
        self._speaks = messages.FORMATS[self._format]
        self._pings = 0
        self._ping_s: float | None = None
        self._pieces = 0

    def _deadlines(self) -> list[float | None]:
        return [*super()._deadlines(), self._ping_s]

    def _on_time(self) -> None:
        if self._ping_s is not None and self._now >= self._ping_s:
            self._ping()

    def _ping(self) -> None:
        self._pings += 1
        self._out.say("ping", ping_event={"event_id": self._pings, "ping_ms": None})
        self._ping_s = self._now + PING_S

    # What the client says

    def _take(self, message: bytes | str) -> None:
        said = messages.decode(message)
        if isinstance(said, messages.Initiation) is (self._input is not None):
            raise ClientError(
                messages.INVALID, "The first message is the initiation, and no other."
            )
        if isinstance(said, bytes):
            assert self._input is not None
            self._hear(self._input, said)
        else:
            self._HANDLERS[type(said)](self, said)

    def _begin(self, said: messages.Initiation) -> None:
        self._listen(self._speaks)
        told = {"agent_output_audio_format": self._format, "user_input_audio_format": self._format}
        about = {"conversation_id": self.id, **told}
        self._out.say(
            "conversation_initiation_metadata", conversation_initiation_metadata_event=about
        )
        self._ping()
        if said.first_message == "":
            self._begun = True  # it is silent until the caller has spoken
        else:
            self._answer("speak", None)

    def _read(self, _said: messages.UserMessage) -> None:
        self._answer("speak", None)

    def _note(self, _said: messages.ContextualUpdate | messages.UserActivity) -> None:
        """It is to be known, not to be answered."""

    def _pong(self, said: messages.Pong) -> None:
        if not 0 < said.event_id <= self._pings:
            raise ClientError(messages.INVALID, f"There was no ping {said.event_id}.")

    def _result(self, said: messages.ToolResult) -> None:
        self._take_result(said.tool_call_id)

    def _tell_words(self, words: str) -> None:
        said = {"user_transcript": words, "event_id": self._pieces}
        self._out.say("user_transcript", user_transcription_event=said)

    def _interrupt(self) -> None:
        if self._delivery is None:
            return
        self.counters.interrupted += 1
        self._out.say("interruption", interruption_event={"event_id": self._pieces})
        self._delivery = None

    # What it says

    def _say(self, piece: bytes, delivery: Delivery) -> None:
        self._pieces += 1
        if text := delivery.all_words():
            said = {"agent_response": text, "event_id": self._pieces}
            self._out.say("agent_response", agent_response_event=said)
        audio = pybase64.b64encode_as_string(piece)
        self._out.say("audio", audio_event={"audio_base_64": audio, "event_id": self._pieces})

    def _tell_generated(self) -> None:
        self._out.say("agent_response_complete")

    def _tell_calls(self, calls: dict[str, FunctionCall]) -> None:
        for call_id, call in calls.items():
            told = {"tool_name": call.name, "tool_call_id": call_id, "event_id": self._pieces}
            parameters = Raw(call.arguments.encode())
            self._out.say("client_tool_call", client_tool_call={**told, "parameters": parameters})

    def _refuse(self, error: ClientError) -> None:
        self.closed = True
        self.farewell = (POLICY, error.message.encode()[:_REASON_BYTES].decode(errors="ignore"))

    def _fail(self, code: str) -> None:
        self._delivery = None
        about = {"code": INTERNAL, "error_type": code, "message": "This error was asked for."}
        self._out.say("error", error_event=about)
        self.loss = Loss("close", INTERNAL)

    def _garbage(self, kind: GarbageKind) -> bytes:
        return messages.garbage(kind)

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        messages.Initiation: _begin,
        messages.UserMessage: _read,
        messages.ContextualUpdate: _note,
        messages.UserActivity: _note,
        messages.ToolResult: _result,
        messages.Pong: _pong,
    }
