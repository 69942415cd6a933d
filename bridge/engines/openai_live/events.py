"""The server events of OpenAI Live, as far as a phone call needs them.

As for Realtime: each struct names only what is used, and what a call can go on without is
optional. What another model does about a delegated task comes nested in `response.event`, as the
streaming events of the Responses API.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from sipua.bridge.engines.openai_realtime.wire import Other, read


class _Event(msgspec.Struct, tag_field="type", gc=False):
    pass


class OutputAudioDelta(_Event, tag="session.output_audio.delta"):
    delta: str


class OutputTranscriptDelta(_Event, tag="session.output_transcript.delta"):
    delta: str


class InputTranscriptDelta(_Event, tag="session.input_transcript.delta"):
    delta: str


class Session(msgspec.Struct):
    id: str = ""


class SessionStarted(_Event, tag="session.started"):
    session: Session


class SessionUsage(msgspec.Struct):
    seconds: float = 0.0


class UsageUpdated(_Event, tag="session.usage.updated"):
    usage: SessionUsage


class SessionClosed(_Event, tag="session.closed"):
    reason: str = ""
    usage: SessionUsage | None = None


class Delegation(msgspec.Struct):
    id: str
    target: str = ""


class DelegationCreated(_Event, tag="session.delegation.created"):
    delegation: Delegation


class ErrorDetail(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | None = None
    client_event_id: str | None = None


class Error(_Event, tag="error"):
    error: ErrorDetail
    client_event_id: str | None = None


class ResponseEvent(_Event, tag="response.event"):
    event: msgspec.Raw
    delegation_id: str | None = None


ServerEvent: TypeAlias = (
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


class _Nested(msgspec.Struct, tag_field="type", gc=False):
    pass


class Response(msgspec.Struct):
    """What is only told stays unchecked: a field that changes must not cost a tool call."""

    id: str = ""
    usage: Any = None
    error: Any = None
    incomplete_details: Any = None


class ResponseCreated(_Nested, tag="response.created"):
    response: Response


class OutputItem(msgspec.Struct):
    type: str
    id: str | None = ""
    call_id: str | None = ""
    name: str | None = ""
    arguments: str | None = ""
    error: Any = None


class OutputItemDone(_Nested, tag="response.output_item.done"):
    item: OutputItem


class ResponseCompleted(_Nested, tag="response.completed"):
    response: Response


class ResponseFailed(_Nested, tag="response.failed"):
    response: Response


class ResponseIncomplete(_Nested, tag="response.incomplete"):
    response: Response


NestedEvent: TypeAlias = (
    ResponseCreated | OutputItemDone | ResponseCompleted | ResponseFailed | ResponseIncomplete
)

HANDLED: Final = frozenset(str(struct.__struct_config__.tag) for struct in _Event.__subclasses__())
_NESTED_HANDLED: Final = frozenset(
    str(struct.__struct_config__.tag) for struct in _Nested.__subclasses__()
)

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

_DECODER: Final[msgspec.json.Decoder[ServerEvent]] = msgspec.json.Decoder(ServerEvent)
_NESTED: Final[msgspec.json.Decoder[NestedEvent]] = msgspec.json.Decoder(NestedEvent)


def decode(message: bytes | str) -> ServerEvent | Other:
    """One message to one event. Raises WireError, and nothing else, whatever it is fed."""
    return read(message, _DECODER, HANDLED)


def decode_nested(event: msgspec.Raw) -> NestedEvent | None:
    """What a delegated response does; None for the many steps that do not matter to a call."""
    step = read(event, _NESTED, _NESTED_HANDLED)
    return None if isinstance(step, Other) else step
