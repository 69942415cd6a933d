"""Server events as the vendor would send them, for tests of the OpenAI Realtime protocol, and what
the protocol sends in return, judged by the vendor's types."""

import base64
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sipua.bridge.engine_api.events import Event
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.openai_realtime.protocol import OpenAIRealtime
from support.engine.realtime_types import (
    SERVER_MODELS,
    accepted_client_event,
    accepted_server_event,
)
from support.engine.vendor_types import event_type, sample

PCM_20_MS = bytes(range(240)) * 4

VENDOR = {event_type(model): model for model in SERVER_MODELS}
_number = itertools.count()


def server_event(type_: str, **fields: Any) -> bytes:
    """The required fields, then ours."""
    content = sample(VENDOR[type_], full=False) | {"event_id": f"event_{next(_number)}"} | fields
    message = json.dumps(content)
    accepted_server_event(message)
    return message.encode()


def delta(item_id: str, pcm: bytes, response_id: str = "resp_1", content_index: int = 0) -> bytes:
    return server_event(
        "response.output_audio.delta",
        item_id=item_id,
        response_id=response_id,
        content_index=content_index,
        delta=base64.b64encode(pcm).decode(),
    )


def response(kind: str, id_: str, **fields: Any) -> bytes:
    return server_event(f"response.{kind}", response={"id": id_, **fields})


def session_event(kind: str) -> bytes:
    session = {"id": "sess_1", "object": "realtime.session", "type": "realtime"}
    return server_event(f"session.{kind}", session=session)


def item_event(item: dict[str, Any], kind: str = "added") -> bytes:
    return server_event(f"conversation.item.{kind}", item=item)


def speech_started() -> bytes:
    return server_event("input_audio_buffer.speech_started", audio_start_ms=1)


def speech_stopped() -> bytes:
    return server_event("input_audio_buffer.speech_stopped", audio_end_ms=500)


def refusal(about: str, **changes: Any) -> bytes:
    """Of a response, because another one runs."""
    error = {
        "type": "invalid_request_error",
        "code": "conversation_already_has_active_response",
        "message": "Conversation already has an active response in progress: resp_9.",
        "event_id": about,
    }
    return server_event("error", error=error | changes)


def function_call(response_id: str, call_id: str = "call_1") -> bytes:
    return server_event(
        "response.function_call_arguments.done",
        response_id=response_id,
        call_id=call_id,
        name="hang_up",
        arguments="{}",
    )


def session(**settings: Any) -> OpenAIRealtime:
    return OpenAIRealtime(EngineSettings(**settings))


def ready(**settings: Any) -> OpenAIRealtime:
    engine = session(**settings)
    engine.receive(session_event("created"))
    engine.take_outgoing()
    engine.receive(session_event("updated"))
    return engine


def talking(**settings: Any) -> OpenAIRealtime:
    """A session in whose first response 100 ms of item_1 have arrived."""
    engine = session(**settings)
    engine.receive(response("created", "resp_1"))
    engine.receive(delta("item_1", PCM_20_MS * 5))
    return engine


def one(events: Sequence[Event]) -> Event:
    (event,) = events
    return event


def sent(messages: Iterable[bytes]) -> dict[str, Any]:
    """The one message, as the vendor reads it."""
    (message,) = all_sent(messages)
    return message


def all_sent(messages: Iterable[bytes]) -> list[dict[str, Any]]:
    return [accepted_client_event(message) for message in messages]
