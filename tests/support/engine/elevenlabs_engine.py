"""A session of the ElevenLabs engine without a socket; every message of both sides goes past the
vendor's package."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from sipua.bridge.engine_api.events import Event, Unreadable
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.elevenlabs_agent.protocol import ElevenLabsAgent
from support.engine.elevenlabs_types import accepted_client_message, accepted_server_message


def server_message(type_: str, about: str = "", **fields: Any) -> str:
    """`about`: the part that the fields are in, where it has another name than `TYPE_event`."""
    part = {about or f"{type_}_event": fields} if fields else {}
    message = json.dumps({"type": type_, **part})
    accepted_server_message(message)
    return message


def metadata(hears: str = "ulaw_8000", speaks: str = "ulaw_8000") -> str:
    return server_message(
        "conversation_initiation_metadata",
        conversation_id="conv_1",
        user_input_audio_format=hears,
        agent_output_audio_format=speaks,
    )


def audio(sound: bytes, number: int) -> str:
    return server_message("audio", audio_base_64=base64.b64encode(sound).decode(), event_id=number)


def user_words(text: str) -> str:
    return server_message(
        "user_transcript", "user_transcription_event", user_transcript=text, event_id=1
    )


def tool_call(call_id: str, name: str = "clock", **parameters: Any) -> str:
    call = {"tool_name": name, "tool_call_id": call_id, "parameters": parameters}
    return server_message("client_tool_call", "client_tool_call", **call, event_id=1)


class Session:
    """Ready, unless told otherwise."""

    def __init__(self, *, ready: bool = True, **settings: Any) -> None:
        self.engine = ElevenLabsAgent(EngineSettings(**settings))
        self.sent: list[dict[str, Any]] = []
        self.events: list[Event | Unreadable] = []
        self.ask(self.engine.start())
        if ready:
            self.raw(metadata())
            self.taken()
            self.told()

    def raw(self, message: str | bytes) -> None:
        self.events += self.engine.receive(message)
        self.ask(self.engine.take_outgoing())

    def feed(self, length_ms: int) -> None:
        for _ in range(length_ms // 20):
            piece = bytes(20 * self.engine.hears.bytes_per_ms)
            content = accepted_client_message(self.engine.append_audio(piece))
            assert base64.b64decode(content["user_audio_chunk"]) == piece
            self.ask(self.engine.take_outgoing())
            self.events += self.engine.take_events()

    def ask(self, messages: Sequence[bytes]) -> None:
        self.sent += [accepted_client_message(message) for message in messages]

    def taken(self) -> list[Event | Unreadable]:
        events, self.events = [*self.events, *self.engine.take_events()], []
        return events

    def told(self) -> list[dict[str, Any]]:
        sent, self.sent = self.sent, []
        return sent
