"""Clients of the local agent's Deepgram and ElevenLabs sessions, without a socket and with a clock
of their own; all that is said, both ways, is judged by the vendors' packages."""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.voice import Voices
from sipua.bridge.agent.turns.deepgram.conversation import DeepgramConversation
from sipua.bridge.agent.turns.elevenlabs.conversation import ElevenLabsConversation
from sipua.bridge.agent.wire.audio_message import AudioMessage
from support.engine import deepgram_types, elevenlabs_types
from support.media import audio, g711

Message = dict[str, Any]
MULAW: Message = {"encoding": "mulaw", "sample_rate": 8000}


class VendorClient(ABC):
    call_message: ClassVar[str]
    done: ClassVar[str]
    interrupted: ClassVar[str]

    def __init__(self, settings: AgentSettings | None = None) -> None:
        settings = settings or AgentSettings()
        shared = SharedAgentState(settings, Voices.prepared(settings.scenario))
        self.now = 0.0
        self.conversation = self._conversation(shared)
        self.log: list[Message] = []
        self.sound = b""
        self._got(self.conversation.start())

    @abstractmethod
    def _conversation(self, shared: SharedAgentState) -> Any: ...

    @abstractmethod
    def _append(self, sound: bytes) -> bytes: ...

    @abstractmethod
    def _read(self, message: bytes) -> list[Message]:
        """Checked; audio is added to `sound`."""

    @abstractmethod
    def send(self, type_: str, **fields: Any) -> list[str]: ...

    @abstractmethod
    def calls(self) -> list[Message]:
        """Each with `id`, `name`, `arguments`."""

    @abstractmethod
    def result(self, call_id: str, name: str = "clock") -> list[str]: ...

    @abstractmethod
    def ask(self) -> list[str]:
        """For an answer, without a word of the caller."""

    @property
    def sound_ms(self) -> int:
        """Of mu-law."""
        return len(self.sound) // 8

    def raw(self, message: bytes | str) -> list[str]:
        return self._got(self.conversation.receive(message, self.now))

    def of(self, type_: str) -> list[Message]:
        return [one for one in self.log if one["type"] == type_]

    def hear(self, mulaw: bytes) -> list[str]:
        """It takes its time."""
        got: list[str] = []
        for begin in range(0, len(mulaw), 160):
            got += self.raw(self._append(mulaw[begin : begin + 160]))
            got += self.wait(0.02)
        return got

    def speak(self, ms: int, *, quiet_ms: int = 0) -> list[str]:
        quiet = np.zeros(quiet_ms * 8, "<i2")
        pcm = np.concatenate([audio.tone(300, ms, 8000), quiet])
        return self.hear(g711.encode(g711.PCMU, pcm.astype("<i2")))

    def wait(self, seconds: float) -> list[str]:
        end = self.now + seconds
        got: list[str] = []
        while not self.conversation.expired and (due := self.conversation.next_deadline()) <= end:
            self.now = max(self.now, due)
            got += self._got(self.conversation.handle_timer(self.now))
        self.now = end
        return got

    def _got(self, messages: list[bytes]) -> list[str]:
        """Their types."""
        got = [read for message in messages for read in self._read(message)]
        self.log += got
        return [one["type"] for one in got]


class DeepgramClient(VendorClient):
    call_message, done, interrupted = "FunctionCallRequest", "AgentAudioDone", "UserStartedSpeaking"

    def __init__(self, settings: AgentSettings | None = None, **agent: Any) -> None:
        super().__init__(settings)
        provider = {"type": "deepgram", "model": "m"}
        think = {"provider": {"type": "open_ai", "model": "m"}, **agent.pop("think", {})}
        models = {"listen": {"provider": provider}, "speak": {"provider": provider}}
        audio_settings = {"input": MULAW, "output": {**MULAW, "container": "none"}}
        self.send("Settings", audio=audio_settings, agent={**models, "think": think, **agent})

    def _conversation(self, shared: SharedAgentState) -> DeepgramConversation:
        return DeepgramConversation(shared, entropy="e", now=self.now)

    def _append(self, sound: bytes) -> bytes:
        return AudioMessage(sound)

    def _read(self, message: bytes) -> list[Message]:
        if isinstance(message, AudioMessage):
            self.sound += message
            return []
        return [deepgram_types.accepted_server_message(message)]

    def send(self, type_: str, **fields: Any) -> list[str]:
        message = json.dumps({"type": type_, **fields})
        deepgram_types.accepted_client_message(message)
        return self.raw(message)

    def calls(self) -> list[Message]:
        return [one for told in self.of(self.call_message) for one in told["functions"]]

    def result(self, call_id: str, name: str = "clock") -> list[str]:
        return self.send("FunctionCallResponse", id=call_id, name=name, content="noon")

    def ask(self) -> list[str]:
        return self.send("InjectUserMessage", content="[Greet.]")


class ElevenLabsClient(VendorClient):
    call_message, done, interrupted = "client_tool_call", "agent_response_complete", "interruption"

    def __init__(
        self, settings: AgentSettings | None = None, agent_id: str = "", **initiation: Any
    ) -> None:
        self._agent_id = agent_id
        super().__init__(settings)
        self.send("conversation_initiation_client_data", **initiation)

    def _conversation(self, shared: SharedAgentState) -> ElevenLabsConversation:
        return ElevenLabsConversation(shared, self._agent_id, entropy="e", now=self.now)

    def _append(self, sound: bytes) -> bytes:
        return json.dumps({"user_audio_chunk": base64.b64encode(sound).decode()}).encode()

    def _read(self, message: bytes) -> list[Message]:
        read = elevenlabs_types.accepted_server_message(message)
        if read["type"] == "audio":
            self.sound += base64.b64decode(read["audio_event"]["audio_base_64"], validate=True)
        return [] if read["type"] == "audio" else [read]

    def send(self, type_: str, **fields: Any) -> list[str]:
        message = json.dumps({"type": type_, **fields})
        elevenlabs_types.accepted_client_message(message)
        return self.raw(message)

    def calls(self) -> list[Message]:
        told = [one["client_tool_call"] for one in self.of(self.call_message)]
        return [
            {"id": one["tool_call_id"], "name": one["tool_name"], "arguments": one["parameters"]}
            for one in told
        ]

    def result(self, call_id: str, name: str = "clock") -> list[str]:
        return self.send("client_tool_result", tool_call_id=call_id, result="noon", is_error=False)

    def ask(self) -> list[str]:
        return self.send("user_message", text="[Greet.]")
