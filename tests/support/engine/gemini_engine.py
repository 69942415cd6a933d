"""Server messages as the vendor would send them, for tests of the Gemini Live protocol."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from sipua.bridge.engine_api.events import AudioDelta, Event, SessionReady, Unreadable
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.gemini_live.protocol import GeminiLive
from support.engine.gemini_types import (
    Message,
    accepted_client_message,
    accepted_server_message,
)

BYTES_PER_MS = 48
TOOL = {
    "type": "function",
    "name": "clock",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
}


def engine(**settings: Any) -> GeminiLive:
    gemini = GeminiLive(EngineSettings(**{"model": "gemini-3.8-live", **settings}))
    for message in gemini.start():
        accepted_client_message(message)
    (ready,) = hear(gemini, setupComplete={"sessionId": "s1"})
    assert isinstance(ready, SessionReady)
    return gemini


def message(**content: Any) -> bytes:
    encoded = json.dumps(content).encode()
    accepted_server_message(encoded)
    return encoded


def hear(gemini: GeminiLive, **content: Any) -> list[Event | Unreadable]:
    return list(gemini.receive(message(**content)))


def content(gemini: GeminiLive, **fields: Any) -> list[Event | Unreadable]:
    return hear(gemini, serverContent=fields)


def audio(ms: int) -> Message:
    data = base64.b64encode(bytes(range(1, 49)) * ms).decode()
    return {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}


def say(gemini: GeminiLive, ms: int = 20) -> list[Event | Unreadable]:
    return content(gemini, modelTurn=audio(ms))


def whole_turn(gemini: GeminiLive, ms: int = 20) -> list[Event | Unreadable]:
    return [
        *say(gemini, ms),
        *content(gemini, generationComplete=True),
        *content(gemini, turnComplete=True),
    ]


def sent(messages: Sequence[bytes]) -> list[Message]:
    return [accepted_client_message(one) for one in messages]


def without_audio(events: Sequence[Event | Unreadable]) -> list[Event | Unreadable]:
    return [event for event in events if not isinstance(event, AudioDelta)]


def texts(messages: Sequence[bytes]) -> list[tuple[str, str]]:
    """What was told, and how: `turn` is to be answered, `note` is not asked to be."""
    told = []
    for one in sent(messages):
        if "clientContent" in one:
            assert one["clientContent"]["turnComplete"] is True
            (turn,) = one["clientContent"]["turns"]
            told.append(("turn", turn["parts"][0]["text"]))
        else:
            told.append(("note", one["realtimeInput"]["text"]))
    return told
