"""The vendor's own SDK as the judge of Realtime events."""

import json
from typing import Any, get_args

from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeSessionCreateResponse
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel

from support.engine.vendor_types import accept, accept_event, event_type

SERVER_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeServerEvent)[0])
CLIENT_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeClientEvent)[0])


_SERVER = {event_type(model): model for model in SERVER_MODELS}
_CLIENT = {event_type(model): model for model in CLIENT_MODELS}

# The vendor's session.created and session.updated carry what its REST answer does (id, object,
# expires_at), but the SDK gives the events the shape of the request. Each is held to its own.
_ANSWER_ONLY = (
    RealtimeSessionCreateResponse.model_fields.keys()
    - RealtimeSessionCreateRequest.model_fields.keys()
)


def accepted_server_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    session = content.get("session")
    if isinstance(session, dict) and _ANSWER_ONLY & session.keys():
        accept(RealtimeSessionCreateResponse, session, "session")
        asked = {name: value for name, value in session.items() if name not in _ANSWER_ONLY}
        accept_event(_SERVER, {**content, "session": asked})
    else:
        accept_event(_SERVER, content)
    return content


def accepted_client_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    accept_event(_CLIENT, content)
    return content
