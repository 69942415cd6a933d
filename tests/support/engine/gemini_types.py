"""Google's own SDK as the judge of Gemini Live messages: its types know all fields, refuse others,
and give back what they were given, name for name."""

import json
from typing import Any

from google.genai import types
from pydantic import BaseModel

Message = dict[str, Any]


def accepted_client_message(message: bytes | str) -> Message:
    content: Message = json.loads(message)
    assert len(content) == 1, "exactly one field"
    _accept(types.LiveClientMessage, _with_known_setup(content))
    return content


def accepted_server_message(message: bytes | str) -> Message:
    content: Message = json.loads(message)
    _accept(types.LiveServerMessage, content)
    return content


def _with_known_setup(content: Message) -> Message:
    """The SDK sends `realtimeInputConfig` and `behavior`, and its types keep them elsewhere."""
    if "setup" not in content:
        return content
    setup = dict(content["setup"])
    _accept(types.RealtimeInputConfig, setup.pop("realtimeInputConfig"))
    for tool in setup.pop("tools", ()):
        _accept(types.Tool, tool)
    return {"setup": setup}


def _accept(model: type[BaseModel], content: Message) -> None:
    read = model.model_validate_json(json.dumps(content))
    back = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert _plain(back) == _plain(content)


def _plain(value: Any) -> Any:
    """The SDK writes base64 in the alphabet of URLs."""
    if isinstance(value, dict):
        return {
            name: one.translate(_URL_SAFE) if name == "data" else _plain(one)
            for name, one in value.items()
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value


_URL_SAFE = str.maketrans("-_", "+/")
