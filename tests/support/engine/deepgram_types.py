"""Deepgram's own SDK as the judge of Voice Agent messages, strictly: nothing missing, nothing of
the wrong type, no field that its types do not know."""

import json
import warnings
from typing import Any, get_args

from deepgram.agent.v1 import types
from pydantic import BaseModel

from support.engine.vendor_types import accept_event, event_type

with warnings.catch_warnings():  # it names a class of `websockets` that is old
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.agent.v1.socket_client import V1SocketClientResponse

Message = dict[str, Any]


def _models(*names: str) -> dict[str, type[BaseModel]]:
    return {name: getattr(types, f"AgentV1{name}") for name in names}


CLIENT = {
    **_models("Settings", "UpdatePrompt", "InjectUserMessage"),
    "FunctionCallResponse": types.AgentV1SendFunctionCallResponse,
}
SERVER = {
    event_type(model): model
    for model in get_args(V1SocketClientResponse)
    if issubclass(model, BaseModel)
}


def accepted_client_message(message: bytes | str) -> Message:
    content: Message = json.loads(message)
    accept_event(CLIENT, content)
    return content


def accepted_server_message(message: bytes | str) -> Message:
    content: Message = json.loads(message)
    accept_event(SERVER, content)
    return content
