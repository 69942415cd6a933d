"""The vendor's own SDK as the judge of events, strictly: nothing missing, nothing of the wrong
type, no field that the types do not know. And samples of what it describes."""

import json
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


def event_type(model: type[BaseModel]) -> str:
    (name,) = get_args(model.model_fields["type"].annotation)
    return str(name)


def accept_event(models: dict[str, type[BaseModel]], content: dict[str, Any]) -> None:
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
