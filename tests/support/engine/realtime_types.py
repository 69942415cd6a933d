"""The vendor's own SDK as the judge of Realtime events, strictly: nothing missing, nothing of the
wrong type, no field that the types do not know."""

import json
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeSessionCreateResponse
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel

SERVER_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeServerEvent)[0])
CLIENT_MODELS: tuple[type[BaseModel], ...] = get_args(get_args(RealtimeClientEvent)[0])


def event_type(model: type[BaseModel]) -> str:
    (name,) = get_args(model.model_fields["type"].annotation)
    return str(name)


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
        _accept_event(_SERVER, {**content, "session": asked})
    else:
        _accept_event(_SERVER, content)
    return content


def accepted_client_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    _accept_event(_CLIENT, content)
    return content


def _accept_event(models: dict[str, type[BaseModel]], content: dict[str, Any]) -> None:
    assert content.get("type") in models, f"no event of the vendor: {content.get('type')}"
    accept(models[content["type"]], content, content["type"])


def accept(model: type[BaseModel], content: dict[str, Any], path: str) -> None:
    _no_extras(model.model_validate_json(json.dumps(content), strict=True), path)


def _no_extras(value: object, path: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{path}: unknown fields {sorted(value.model_extra)}"
        for name in value.model_fields_set:
            _no_extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _no_extras(element, f"{path}[{index}]")


def sample(model: type[BaseModel], *, full: bool) -> dict[str, Any]:
    """An event of that type: with all its fields, or only with those that it must have."""
    return {
        name: _sample_value(field.annotation, full=full)
        for name, field in model.model_fields.items()
        if full or field.is_required()
    }


def _sample_value(annotation: Any, *, full: bool) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _sample_value(arguments[0], full=full)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _sample_value(arguments[0], full=full)
    if origin is list:
        return [_sample_value(arguments[0], full=full)]
    if origin is dict:
        return {"key": _sample_value(arguments[1], full=full)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation, full=full)
    values: dict[Any, Any] = {str: "text", int: 7, float: 0.5, bool: True}
    return values.get(annotation, {})
