"""Server events as the vendor would send them, for tests of the OpenAI Live protocol."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from sipua.bridge.engine_api.events import (
    AudioDelta,
    Event,
    SessionReady,
)
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.openai_live.protocol import (
    OpenAILive,
)
from support.engine.live_types import (
    NESTED_MODELS,
    SERVER_MODELS,
    accepted_client_event,
    accepted_server_event,
)
from support.engine.vendor_types import event_type, sample

VENDOR = {event_type(model): model for model in SERVER_MODELS}
NESTED = {event_type(model): model for model in NESTED_MODELS}
SESSION = {"id": "live_1", "expires_at": 1, "model": "gpt-live-1", "status": "active"}
TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object"}}
RATE_MS = 24


def engine(**settings: Any) -> OpenAILive:
    live = OpenAILive(EngineSettings(**settings))
    for message in live.start():
        accepted_client_event(message)
    started = server_event("session.started", session=SESSION)
    assert live.receive(started) == (SessionReady("live_1"),)
    return live


def server_event(type_: str, **fields: Any) -> str:
    content = {"type": type_, **fields}
    if "event_id" in VENDOR[type_].model_fields:
        content = {"event_id": "event_1", **content}
    message = json.dumps(content)
    accepted_server_event(message)
    return message


def speech(ms: int) -> bytes:
    return (3000 * np.sin(np.arange(ms * RATE_MS) * 0.3)).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    return bytes(ms * RATE_MS * 2)


def play(live: OpenAILive, track: bytes, delta_ms: int = 100) -> list[Event]:
    """The track as it comes: in deltas of a tenth of a second."""
    size = delta_ms * RATE_MS * 2
    events: list[Event] = []
    for start in range(0, len(track), size):
        delta = base64.b64encode(track[start : start + size]).decode()
        events += live.receive(server_event("session.output_audio.delta", delta=delta))
    return events


def words(live: OpenAILive, whose: str, text: str) -> list[Event]:
    type_ = f"session.{whose}_transcript.delta"
    return list(live.receive(server_event(type_, delta=text, start_ms=0, end_ms=200)))


def without_audio(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, AudioDelta)]


def sent(messages: Sequence[bytes]) -> list[dict[str, Any]]:
    events = [accepted_client_event(message) for message in messages]
    return [{k: v for k, v in event.items() if k != "event_id"} for event in events]


def nested(type_: str, delegation_id: str | None = "del_1", **fields: Any) -> str:
    content = {**sample(NESTED[type_], full=False), **fields}
    return server_event("response.event", event=content, delegation_id=delegation_id)


def response(response_id: str = "resp_1", **fields: Any) -> dict[str, Any]:
    return {
        **sample(NESTED["response.created"], full=False)["response"],
        "id": response_id,
    } | fields


def call(live: OpenAILive, call_id: str, name: str = "clock", **fields: Any) -> Sequence[Event]:
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}
    return live.receive(nested("response.output_item.done", item=item, **fields))
