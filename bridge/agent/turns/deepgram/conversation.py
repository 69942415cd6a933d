"""One session of a Voice Agent, without any I/O: client messages and `now` in, our messages out.

    Welcome ─▶ Settings ─▶ SettingsApplied ─▶ turns ─▶ the socket closes

Audio crosses in binary messages, all else in text. What a user says is answered, whether it was
spoken or injected; injections are refused while a side speaks. What is wrong with a message ends
the session, behind an Error.
"""

from typing import Any, ClassVar

from sipua.bridge.agent.realtime.answers import RequestTools
from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.scenario import FunctionCall, GarbageKind
from sipua.bridge.agent.turns.conversation import TurnConversation
from sipua.bridge.agent.turns.deepgram import messages
from sipua.bridge.agent.turns.delivery import Delivery
from sipua.bridge.agent.wire.audio_message import AudioMessage
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import TypedMessages


class DeepgramConversation(TurnConversation[TypedMessages]):
    def __init__(self, shared: SharedAgentState, *, entropy: str, now: float) -> None:
        """`entropy`: what makes this session's ids unique."""
        super().__init__(shared, TypedMessages(entropy), now, prefix="request")

    def start(self) -> list[bytes]:
        self._out.say("Welcome", request_id=self.id)
        return self._out.take()

    # What the client says

    def _take(self, message: bytes | str) -> None:
        if isinstance(message, AudioMessage):
            if self._input is None:
                raise ClientError(messages.UNPARSABLE, "There is audio before Settings.")
            self._hear(self._input, message)
            return
        said = messages.decode(message)
        if isinstance(said, messages.Settings) is (self._input is not None):
            raise ClientError(messages.UNPARSABLE, "The first message is Settings, and no other.")
        self._HANDLERS[type(said)](self, said)

    def _begin(self, settings: messages.Settings) -> None:
        self._speaks = settings.audio.output.form
        self._listen(settings.audio.input.form)
        agent = settings.agent
        # Of those with an endpoint the vendor calls them.
        names = [one.name for one in agent.think.functions if one.endpoint is None]
        self._tools = RequestTools(names=tuple(names))
        self._begun = bool(agent.context.messages)
        self._out.say("SettingsApplied")
        if agent.greeting:
            self._answer("speak", None)

    def _inject(self, said: messages.InjectUserMessage) -> None:
        if self._caller_speaks or self._delivery is not None:
            whose = "user" if self._caller_speaks else "agent"
            self._out.say("InjectionRefused", message=f"The {whose} speaks.")
            return
        self._out.say("ConversationText", role="user", content=said.content)
        self._answer("speak", None)

    def _update(self, _said: messages.UpdatePrompt) -> None:
        self._out.say("PromptUpdated")

    def _result(self, said: messages.FunctionCallResponse) -> None:
        self._take_result(said.id)

    def _keep(self, _said: messages.KeepAlive) -> None:
        """That it is there was noted, as with any message."""

    def _tell_words(self, words: str) -> None:
        self._out.say("ConversationText", role="user", content=words)

    def _interrupt(self) -> None:
        self._out.say("UserStartedSpeaking")
        if self._calls:
            taken_back = [{"id": name, "name": call.name} for name, call in self._calls.items()]
            self._calls = {}
            self._out.say("FunctionCallCancelled", functions=taken_back)
        if self._delivery is not None:
            self.counters.interrupted += 1
            self._delivery = None

    # What it says

    def _before_answer(self) -> None:
        self._out.say("AgentThinking", content="")

    def _say(self, piece: bytes, delivery: Delivery) -> None:
        if text := delivery.all_words():
            self._out.say("ConversationText", role="assistant", content=text)
        self._out.raw(AudioMessage(piece))

    def _tell_generated(self) -> None:
        self._out.say("AgentAudioDone")

    def _tell_calls(self, calls: dict[str, FunctionCall]) -> None:
        functions = [
            {"id": name, "name": call.name, "arguments": call.arguments, "client_side": True}
            for name, call in calls.items()
        ]
        self._out.say("FunctionCallRequest", functions=functions)

    def _refuse(self, error: ClientError) -> None:
        self._out.say("Error", description=error.message, code=error.code)
        self.closed = True

    def _fail(self, code: str) -> None:
        self._delivery = None
        self._out.say("Error", description="This error was asked for.", code=code)
        self.loss = Loss("close", self.farewell[0])

    def _garbage(self, kind: GarbageKind) -> bytes:
        return messages.garbage(kind)

    # Of the class: methods bound to a session would keep it until the collector comes.
    _HANDLERS: ClassVar[dict[type, Any]] = {
        messages.Settings: _begin,
        messages.UpdatePrompt: _update,
        messages.InjectUserMessage: _inject,
        messages.FunctionCallResponse: _result,
        messages.KeepAlive: _keep,
    }
