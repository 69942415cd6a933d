"""Items that the client makes: conversation.item.create."""

from typing import Any, TypeVar

from msgspec import UnsetType, to_builtins

from sipua.bridge.agent.realtime.history import History, Item
from sipua.bridge.agent.realtime.protocol import Content, ItemParam
from sipua.bridge.agent.speech.formats import Clip, WireFormat
from sipua.bridge.agent.wire.client_events import decode_audio
from sipua.bridge.agent.wire.errors import ClientError
from sipua.bridge.agent.wire.outbox import Outbox

_PARTS_OF = {
    "user": ("input_text", "input_audio", "input_image"),
    "system": ("input_text",),
    "assistant": ("output_text",),  # the vendor takes no assistant audio either
}
_FIELDS_OF = {
    "function_call": ("name", "arguments"),
    "function_call_output": ("call_id", "output"),
}


def created_item(
    param: ItemParam, outbox: Outbox, wire: WireFormat, history: History
) -> tuple[Item, Clip | None]:
    """The item, and its audio when it is the user's."""
    item_id = param.id or outbox.new_id("item")
    if param.type != "message":
        return _function_item(param, item_id, outbox, history), None
    role = _required(param.role, "item.role")
    item = Item(item_id, "message", role=role)
    clip: Clip | None = None
    for index, part in enumerate(_required(param.content, "item.content")):
        place = f"item.content[{index}]"
        if part.type not in _PARTS_OF[role]:
            values = ", ".join(f"'{name}'" for name in _PARTS_OF[role])
            raise ClientError(
                "invalid_value",
                f"Invalid value: '{part.type}'. Supported values are: {values}.",
                f"{place}.type",
            )
        if part.type == "input_audio":
            if clip is not None:
                raise ClientError("invalid_value", "One audio part an item at most.", place)
            clip = _audio_clip(part, wire, place)
        item.content.append(_shown(part, place))
        item.text_chars += len(part.text or "") + len(part.image_url or "")
    if clip is not None:
        item.audio, item.audio_ms, item.format = clip.data, clip.duration_ms, wire
    return item, clip


def _function_item(param: ItemParam, item_id: str, outbox: Outbox, history: History) -> Item:
    extra = {
        name: _required(getattr(param, name), f"item.{name}") for name in _FIELDS_OF[param.type]
    }
    if param.type == "function_call":
        call_id = outbox.new_id("call") if isinstance(param.call_id, UnsetType) else param.call_id
        extra["call_id"] = call_id
    elif not any(item.extra.get("call_id") == extra["call_id"] for item in history):
        raise ClientError(
            "invalid_tool_call_id",
            f"Tool call ID '{extra['call_id']}' not found in conversation.",
            "item.call_id",
        )
    item = Item(item_id, param.type, extra=extra)
    item.text_chars = sum(len(value) for value in extra.values())
    return item


def _audio_clip(part: Content, wire: WireFormat, place: str) -> Clip:
    data = decode_audio(_required(part.audio, f"{place}.audio"), f"{place}.audio")
    data = data[: len(data) - len(data) % wire.sample_bytes]
    return Clip(data, wire, part.transcript or "")


def _shown(part: Content, place: str) -> dict[str, Any]:
    if part.type in ("input_text", "output_text"):
        return {"type": part.type, "text": _required(part.text, f"{place}.text")}
    if part.type == "input_audio":
        return {"type": part.type, "transcript": part.transcript}
    shown: dict[str, Any] = to_builtins(part)
    return shown


T = TypeVar("T")


def _required(value: T | UnsetType | None, param: str) -> T:
    if value is None or isinstance(value, UnsetType):
        raise ClientError(
            "missing_required_parameter", f"Missing required parameter: '{param}'.", param
        )
    return value
