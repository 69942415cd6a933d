"""The vendor's own SDK as the judge of the beta's events: it still has their types."""

import json
from typing import Any, get_args

from openai.types.beta.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.beta.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel

from support.engine.vendor_types import accept_event, event_type

SERVER_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeServerEvent)[0])
CLIENT_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeClientEvent)[0])

_SERVER = {event_type(model): model for model in SERVER_MODELS}
_CLIENT = {event_type(model): model for model in CLIENT_MODELS}


def accepted_server_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    judged = content
    if content["type"] in (
        "session.created",
        "session.updated",
    ):  # the types name the vendor's models, and ours is another
        judged = {**content, "session": {**content["session"], "model": "gpt-realtime"}}
    accept_event(_SERVER, judged)
    return content


def accepted_client_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    accept_event(_CLIENT, content)
    return content
