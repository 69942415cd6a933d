"""What a Voice Agent says in text: only the fields that are used."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai.decoder import EventDecoder, ServerEvent


class Welcome(ServerEvent, tag="Welcome"):
    request_id: str = ""


class SettingsApplied(ServerEvent, tag="SettingsApplied"):
    pass


class ConversationText(ServerEvent, tag="ConversationText"):
    role: str
    content: str


class UserStartedSpeaking(ServerEvent, tag="UserStartedSpeaking"):
    pass


class AgentThinking(ServerEvent, tag="AgentThinking"):
    pass


class AgentStartedSpeaking(ServerEvent, tag="AgentStartedSpeaking"):
    pass


class AgentAudioDone(ServerEvent, tag="AgentAudioDone"):
    pass


class Function(msgspec.Struct, gc=False):
    id: str
    name: str
    arguments: str = "{}"
    client_side: bool = True


class FunctionCallRequest(ServerEvent, tag="FunctionCallRequest"):
    functions: list[Function]


class CancelledFunction(msgspec.Struct, gc=False):
    id: str


class FunctionCallCancelled(ServerEvent, tag="FunctionCallCancelled"):
    functions: list[CancelledFunction]


class InjectionRefused(ServerEvent, tag="InjectionRefused"):
    message: str = ""


class Error(ServerEvent, tag="Error"):
    code: str = ""
    description: str = ""


class Complaint(ServerEvent, tag="Warning"):
    code: str = ""
    description: str = ""


ServerMessage: TypeAlias = (
    Welcome
    | SettingsApplied
    | ConversationText
    | UserStartedSpeaking
    | AgentThinking
    | AgentStartedSpeaking
    | AgentAudioDone
    | FunctionCallRequest
    | FunctionCallCancelled
    | InjectionRefused
    | Error
    | Complaint
)

DECODER: Final[EventDecoder[ServerMessage]] = EventDecoder(ServerMessage)

IGNORED: Final = frozenset(
    {
        "FrustrationDetected",
        "FunctionCallResponse",  # of a function that the vendor calls by itself
        "History",
        "LatencyReport",
        "ListenUpdated",
        "PromptUpdated",
        "SpeakUpdated",
        "ThinkLiveUpdated",
        "ThinkUpdated",
        "__customFromThinkProvider",
    }
)
