"""Messages of an engine, right in form and wrong in values, for the fuzzers of engines."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any

import atheris
import msgspec
import numpy as np  # noqa: F401 (large and not ours: imported before the instrumenting)

from sipua.bridge.engine_api import events
from sipua.bridge.engine_api.protocol import EngineProtocol

LONGEST_TEXT = 4_000
TYPED = tuple(
    one
    for one in vars(events).values()
    if isinstance(one, type) and one.__module__ == events.__name__
)
_TEXTS = (
    "",
    "item_1",
    "resp_1",
    "call_1",
    "completed",
    "cancelled",
    "function_call",
    "AAAA",
    "client",
)
_ODD = (None, True, -1, 0, 10**30, 1e308, -1e308, 2**63, [], {}, [[]], "\x00", "\ud800", "é" * 90)


def names(union: Any) -> dict[str, type]:
    """The events of a union by their type."""
    found = {}
    for one in typing.get_args(union):
        found[str(one.__struct_config__.tag)] = one
    return found


def value(given: Any, kind: Any, depth: int = 0) -> Any:
    """Of that type, four times of five."""
    if given.ConsumeIntInRange(0, 4) == 0:
        return given.PickValueInList(list(_ODD))
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    kind = given.PickValueInList(list(kinds))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and depth < 6:
        return struct(given, kind, depth + 1)
    if typing.get_origin(kind) is list:
        (of,) = typing.get_args(kind)
        return [value(given, of, depth + 1) for _ in range(given.ConsumeIntInRange(0, 3))]
    if kind is str:
        known = given.ConsumeBool()
        return given.PickValueInList(list(_TEXTS)) if known else given.ConsumeUnicode(12)
    if kind in (int, float):
        return given.ConsumeInt(4) if given.ConsumeBool() else given.ConsumeFloat()
    return given.PickValueInList(list(_ODD))


def struct(given: Any, kind: type[msgspec.Struct], depth: int = 0) -> dict[str, Any]:
    fields = msgspec.structs.fields(kind)
    return {
        field.encode_name: value(given, field.type, depth)
        for field in fields
        if given.ConsumeIntInRange(0, 9)
    }


def messages(data: bytes, known: dict[str, type]) -> Iterator[tuple[Any, bytes]]:
    """Some messages, and what is left of the chance for what the call does between them."""
    given = atheris.FuzzedDataProvider(data)
    for _ in range(40):
        if not given.remaining_bytes():
            return
        if given.ConsumeIntInRange(0, 7) == 0:
            yield given, given.ConsumeBytes(given.ConsumeIntInRange(0, 200))
            continue
        name = given.PickValueInList(sorted(known))
        about = struct(given, known[name]) | {"type": name}
        yield given, json.dumps(about).encode()


def judged(engine: EngineProtocol, given: Any, message: bytes) -> None:
    """The message, and then something that a call does."""
    for event in engine.receive(message):
        assert isinstance(event, TYPED), event
        repr(event)
    do = (
        lambda: [engine.append_audio(bytes(960))],
        lambda: engine.speak(None),
        lambda: engine.speak("Greet."),
        lambda: engine.truncate("item_1", given.ConsumeIntInRange(0, 5000)),
        engine.cancel,
        lambda: engine.tool_result("call_1", "{}", respond=given.ConsumeBool()),
        lambda: engine.inject("system", "x", respond=given.ConsumeBool()),
        engine.goodbye,
    )
    sent = [*engine.take_outgoing(), *given.PickValueInList(list(do))()]
    for one in sent:
        json.loads(one)
    assert all(count >= 0 for count in engine.counters().values())
