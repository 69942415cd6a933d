"""Microsoft's SDK as the judge of Voice Live's events, strictly: its models take anything, so each
field of a message is looked up in them: known, of its kind, and none missing that must be there."""

import json
from typing import Any

from azure.ai.voicelive import models
from azure.ai.voicelive.models import ClientEvent, ServerEvent, ServerEventType

SERVER_TYPES = frozenset(one.value for one in ServerEventType)


def accepted_server_event(message: bytes | str) -> dict[str, Any]:
    return _accepted(ServerEvent, message)


def accepted_client_event(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    # The SDK writes the client's events and does not read them: its class is found by name.
    name = "ClientEvent" + "".join(
        map(str.capitalize, content["type"].replace(".", "_").split("_"))
    )
    _accept(getattr(models, name), content, content["type"])
    return content


def _accepted(base: Any, message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    model = type(base._deserialize(content, []))
    assert model is not base, f"no event of the vendor: {content.get('type')}"
    _accept(model, content, content["type"])
    return content


def _accept(model: Any, content: dict[str, Any], path: str) -> None:
    read = model._deserialize(content, [])
    fields = {field._rest_name: name for name, field in type(read)._attr_to_rest_field.items()}
    if issubclass(model, ClientEvent):
        fields.setdefault("event_id", "event_id")
    unknown = content.keys() - fields.keys()
    assert not unknown, f"{path}: {type(read).__name__} has no {sorted(unknown)}"
    for rest_name, name in fields.items():
        field = type(read)._attr_to_rest_field.get(name)
        if rest_name not in content:
            optional = field is None or field._is_optional or field._is_discriminator
            # The SDK reads what the server shows of a turn as the client's own part with sound.
            optional = optional or (model is models.RequestAudioContentPart and name == "audio")
            assert optional, f"{path}.{rest_name} is missing"
            continue
        if field is not None:
            _same_kind(getattr(read, name), content[rest_name], f"{path}.{rest_name}")


def _same_kind(value: Any, content: Any, path: str) -> None:
    if path.endswith(".voice") and isinstance(content, dict):  # of two families, read as none
        family = models.OpenAIVoice if content["type"] == "openai" else models.AzureVoice
        _accept(family, content, path)
    elif isinstance(content, dict) and hasattr(type(value), "_attr_to_rest_field"):
        _accept(type(value), content, path)
    elif isinstance(content, list):
        assert isinstance(value, list), path
        for index, (one, raw) in enumerate(zip(value, content, strict=True)):
            _same_kind(one, raw, f"{path}[{index}]")
