"""What is behind each path of the server (`doors`): a conversation of its protocol."""

from __future__ import annotations

import secrets
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qs

from sipua.bridge.agent.asterisk.conversation import ChannelConversation
from sipua.bridge.agent.dialects.table import DIALECTS
from sipua.bridge.agent.live.conversation import LiveConversation
from sipua.bridge.agent.realtime.conversation import Conversation
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.server import doors
from sipua.bridge.agent.turns.conversation import TurnConversation
from sipua.bridge.agent.turns.deepgram.conversation import DeepgramConversation
from sipua.bridge.agent.turns.elevenlabs.conversation import ElevenLabsConversation
from sipua.bridge.agent.turns.gemini.conversation import GeminiConversation
from sipua.bridge.agent.turns.gemini.resumption import Resumptions
from sipua.bridge.agent.twilio.conversation import StreamConversation

HostedConversation: TypeAlias = GeminiConversation | DeepgramConversation | ElevenLabsConversation
AnyConversation: TypeAlias = (
    Conversation | LiveConversation | HostedConversation | StreamConversation | ChannelConversation
)
_BINARY: Final = (ChannelConversation, DeepgramConversation)


def has_binary_audio(conversation: AnyConversation) -> bool:
    """And everything else in text messages."""
    return isinstance(conversation, _BINARY)


def farewell(conversation: AnyConversation) -> tuple[int, str]:
    """Code and reason of its close, when it closes."""
    return conversation.farewell if isinstance(conversation, TurnConversation) else (1000, "")


class Conversations:
    """Those of one server."""

    __slots__ = ("_resumptions", "_shared")

    def __init__(self, shared: SharedAgentState) -> None:
        self._shared = shared
        self._resumptions = Resumptions()

    def behind(self, address: SplitResult, *, wall_s: float, now: float) -> AnyConversation:
        shared, entropy = self._shared, secrets.token_hex(6)
        match address.path:
            case doors.STREAM:
                return StreamConversation(shared, entropy=entropy, now=now)
            case doors.CHANNEL:
                return ChannelConversation(shared, entropy=entropy, now=now)
            case doors.LIVE:
                return LiveConversation(shared, entropy=entropy, wall_s=wall_s, now=now)
            case doors.GEMINI:
                return GeminiConversation(shared, self._resumptions, entropy=entropy, now=now)
            case doors.DEEPGRAM:
                return DeepgramConversation(shared, entropy=entropy, now=now)
            case doors.ELEVENLABS:
                agent_id = doors.agent(address)
                return ElevenLabsConversation(shared, agent_id, entropy=entropy, now=now)
            case _:
                return Conversation(
                    shared,
                    model=parse_qs(address.query).get("model", ["local"])[0],
                    dialect=DIALECTS[doors.dialect(address)],
                    entropy=entropy,
                    expires_at=int(wall_s + shared.settings.session_limit_s),
                    now=now,
                )
