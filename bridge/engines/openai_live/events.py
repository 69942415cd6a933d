"""The server events of OpenAI Live, as far as a phone call needs them.

What another model does about a delegated task comes nested in `response.event`, as the
streaming events of the Responses API.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai.decoder import NOTHING, EventDecoder, Other, ServerEvent
from sipua.bridge.engines.openai.details import ErrorDetail


class OutputAudioDelta(ServerEvent, tag="session.output_audio.delta"):
    delta: str


class OutputTranscriptDelta(ServerEvent, tag="session.output_transcript.delta"):
    delta: str


class InputTranscriptDelta(ServerEvent, tag="session.input_transcript.delta"):
    delta: str


class Session(msgspec.Struct):
    id: str = ""


class SessionStarted(ServerEvent, tag="session.started"):
    session: Session


class SessionUsage(msgspec.Struct):
    seconds: float = 0.0


class UsageUpdated(ServerEvent, tag="session.usage.updated"):
    usage: SessionUsage


class SessionClosed(ServerEvent, tag="session.closed"):
    reason: str = ""
    usage: SessionUsage | None = None


class Delegation(msgspec.Struct):
    id: str
    target: str = ""


class DelegationCreated(ServerEvent, tag="session.delegation.created"):
    delegation: Delegation


class RequestError(ErrorDetail):
    client_event_id: str | None = None


class Error(ServerEvent, tag="error"):
    error: RequestError
    client_event_id: str | None = None


class ResponseEvent(ServerEvent, tag="response.event"):
    event: msgspec.Raw
    delegation_id: str | None = None


AnyEvent: TypeAlias = (
    OutputAudioDelta
    | OutputTranscriptDelta
    | InputTranscriptDelta
    | SessionStarted
    | UsageUpdated
    | SessionClosed
    | DelegationCreated
    | Error
    | ResponseEvent
)


# Nested in `response.event`


class Response(msgspec.Struct):
    """What is only told is read apart: a field that changes must not cost a tool call."""

    id: str = ""
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    incomplete_details: msgspec.Raw = NOTHING


class ResponseCreated(ServerEvent, tag="response.created"):
    response: Response


class OutputItem(msgspec.Struct):
    type: str
    id: str | None = ""
    call_id: str | None = ""
    name: str | None = ""
    arguments: str | None = ""
    error: Any = None


class OutputItemDone(ServerEvent, tag="response.output_item.done"):
    item: OutputItem


class ResponseCompleted(ServerEvent, tag="response.completed"):
    response: Response


class ResponseFailed(ServerEvent, tag="response.failed"):
    response: Response


class ResponseIncomplete(ServerEvent, tag="response.incomplete"):
    response: Response


NestedEvent: TypeAlias = (
    ResponseCreated | OutputItemDone | ResponseCompleted | ResponseFailed | ResponseIncomplete
)

DECODER: Final[EventDecoder[AnyEvent]] = EventDecoder(AnyEvent)
NESTED: Final[EventDecoder[NestedEvent]] = EventDecoder(NestedEvent)

# Read from the vendor's list: receipts of what we sent, and what belongs to other transports or to
# features that a call does not use.
IGNORED: Final = frozenset(
    {
        "decision.event",
        "decision.item.created",
        "decision.item.deleted",
        "info",
        "session.commentary.appended",
        "session.input_audio.append",
        "session.input_audio.muted",
        "session.input_audio.unmuted",
        "session.instructions.appended",
        "session.output_audio.fixture.played",
        "session.output_audio.fixture.playing",
        "session.paused",
        "session.resumed",
        "session.thinking.appended",
        "session.updated",
        "transport.answered",
        "transport.dtmf.received",
        "transport.dtmf.send",
        "transport.dtmf.sent",
        "transport.failed",
        "transport.ringing",
    }
)


def decode_nested(event: msgspec.Raw) -> NestedEvent | None:
    """What a delegated response does; None for the many steps that do not matter to a call."""
    step = NESTED.decode(event)
    return None if isinstance(step, Other) else step
