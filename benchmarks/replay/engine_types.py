"""The protocols that the local agent speaks to an edge under measurement, and their audio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sipua.bridge.agent.asterisk.conversation import ChannelConversation
from sipua.bridge.agent.live.conversation import LiveConversation
from sipua.bridge.agent.realtime.conversation import Conversation
from sipua.bridge.agent.server import doors
from sipua.bridge.agent.turns.deepgram.conversation import DeepgramConversation
from sipua.bridge.agent.turns.elevenlabs.conversation import ElevenLabsConversation
from sipua.bridge.agent.turns.gemini.conversation import GeminiConversation
from sipua.bridge.agent.twilio.conversation import StreamConversation
from sipua.bridge.agent.wire.audio_message import AudioMessage

_HEAD: Final = 80  # bytes in which a delta's type stands


@dataclass(frozen=True, slots=True)
class EngineType:
    """One, by the name of the edge's engine for it."""

    door: str
    """The path of the agent's server."""
    conversation: type[Any]
    append: bytes = b""
    """What a message with the caller's audio begins with. Empty: it is a binary one."""
    delta: bytes = b""
    """What stands near the beginning of one with the agent's. Empty: as `append`."""
    session: str = "id"
    """What the conversation has the edge's name of the session in."""

    def is_append(self, message: bytes | str) -> bool:
        if not self.append:
            return isinstance(message, AudioMessage)
        return isinstance(message, bytes) and message.startswith(self.append)

    def is_delta(self, message: bytes) -> bool:
        if not self.delta:
            return isinstance(message, AudioMessage)
        return self.delta in message[:_HEAD]

    def payload(self, message: bytes) -> bytes:
        """The audio of an append: as base64 it stands last, around it there may be counters."""
        if not self.append:
            return message
        return message[message.rfind(b':"') + 2 : message.rfind(b'"')]


ENGINE_TYPES: Final[Mapping[str, EngineType]] = {
    "local": EngineType(
        doors.REALTIME,
        Conversation,
        b'{"type":"input_audio_buffer.append"',
        b"response.output_audio.delta",
    ),
    "local_live": EngineType(
        doors.LIVE,
        LiveConversation,
        b'{"type":"session.input_audio.append"',
        b"session.output_audio.delta",
    ),
    "local_gemini": EngineType(
        doors.GEMINI, GeminiConversation, b'{"realtimeInput":{"audio"', b'"modelTurn"'
    ),
    "twilio_stream": EngineType(
        doors.STREAM,
        StreamConversation,
        b'{"event":"media"',
        b'"event":"media"',
        session="stream_sid",
    ),
    "asterisk_websocket": EngineType(doors.CHANNEL, ChannelConversation, session="channel_id"),
    "deepgram_agent": EngineType(doors.DEEPGRAM, DeepgramConversation),
    "elevenlabs_agent": EngineType(
        doors.ELEVENLABS, ElevenLabsConversation, b'{"user_audio_chunk"', b'"audio_base_64"'
    ),
}
