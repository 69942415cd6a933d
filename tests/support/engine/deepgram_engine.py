"""A session of the Deepgram engine without a socket; every message of both sides goes past the
vendor's types."""

import json
from collections.abc import Sequence
from typing import Any

from sipua.bridge.engine_api.events import Event, Unreadable
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engines.deepgram_agent.protocol import DeepgramAgent
from support.engine.deepgram_types import accepted_client_message, accepted_server_message

TOOL = {
    "type": "function",
    "name": "clock",
    "description": "What time it is.",
    "parameters": {"type": "object", "properties": {}},
}
LATENCY = {"total_latency": 1.0, "tts_latency": 0.5, "ttt_latency": 0.5}


def server_message(type_: str, **fields: Any) -> str:
    message = json.dumps({"type": type_, **fields})
    accepted_server_message(message)
    return message


class Session:
    """Ready, unless told otherwise."""

    def __init__(self, *, ready: bool = True, **settings: Any) -> None:
        settings.setdefault("audio", AudioFormat.PCMU)
        self.engine = DeepgramAgent(EngineSettings(**settings))
        assert self.engine.start() == ()
        self.sent: list[dict[str, Any]] = []
        self.events: list[Event | Unreadable] = []
        if ready:
            self.say("Welcome", request_id="req_1")
            self.say("SettingsApplied")
            self.taken()
            self.told()

    def say(self, type_: str, **fields: Any) -> None:
        self.raw(server_message(type_, **fields))

    def raw(self, message: str | bytes) -> None:
        self.events += self.engine.receive(message)
        self._leave(self.engine.take_outgoing())

    def words(self, role: str, content: str) -> None:
        self.say("ConversationText", role=role, content=content, conversational_behavior="default")

    def sound(self, audio: bytes = b"\x00" * 160) -> None:
        self.raw(audio)

    def calls(self, *ids: str, client_side: bool = True) -> None:
        functions = [
            {"id": one, "name": "clock", "arguments": "{}", "client_side": client_side}
            for one in ids
        ]
        self.say("FunctionCallRequest", functions=functions)

    def feed(self, length_ms: int) -> None:
        """The caller's audio, as the session feeds it."""
        for _ in range(length_ms // 20):
            audio = bytes(20 * self.engine.hears.bytes_per_ms)
            assert self.engine.append_audio(audio) == audio
            self._leave(self.engine.take_outgoing())
            self.events += self.engine.take_events()

    def ask(self, messages: Sequence[bytes]) -> None:
        self._leave(messages)

    def _leave(self, messages: Sequence[bytes]) -> None:
        self.sent += [accepted_client_message(message) for message in messages]

    def taken(self) -> list[Event | Unreadable]:
        """The events since the last time."""
        events, self.events = [*self.events, *self.engine.take_events()], []
        return events

    def told(self) -> list[dict[str, Any]]:
        """The same of what was sent."""
        sent, self.sent = self.sent, []
        return sent
