"""A client of the local Live server's conversation, without a socket: every event of both sides
goes past the vendor's types."""

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from sipua.bridge.agent.live.conversation import LiveConversation
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from support.engine.agent_client import only
from support.engine.live_types import accepted_client_event, accepted_server_event

Event = dict[str, Any]
FRAME_MS = 20
RATE_MS = 24


class LiveClient:
    def __init__(self, settings: AgentSettings | None = None, **session: Any) -> None:
        self.now = 1000.0
        self.log: list[Event] = []
        self.conversation = LiveConversation(
            SharedAgentState.prepared(settings or AgentSettings()),
            entropy="abc",
            wall_s=1_800_000_000,
            now=self.now,
        )
        assert self.conversation.start() == []
        if session.pop("started", True):
            self.send("session.start", session={"model": "gpt-live-1", **session})

    def _take(self, messages: list[bytes]) -> list[Event]:
        events = [accepted_server_event(message) for message in messages]
        self.log += events
        return events

    def raw(self, message: bytes | str) -> list[Event]:
        """Whatever it is, the vendor's or not."""
        return self._take(self.conversation.receive(message, self.now))

    def send(self, event_type: str, **fields: Any) -> list[Event]:
        message = json.dumps({"type": event_type, **fields})
        accepted_client_event(message)
        return self.raw(message)

    def append(self, data: bytes) -> list[Event]:
        return self.send("session.input_audio.append", audio=base64.b64encode(data).decode())

    def say(self, pcm: npt.NDArray[np.int16]) -> list[Event]:
        events: list[Event] = []
        samples = FRAME_MS * RATE_MS
        for start in range(0, pcm.size, samples):
            events += self.append(pcm[start : start + samples].astype("<i2").tobytes())
        return events

    def wait(self, ms: int) -> list[Event]:
        """The caller says nothing for so long."""
        return self.say(np.zeros(ms * RATE_MS, np.int16))

    def commentary(self, content: str = "Speak now.") -> list[Event]:
        return self.send("session.commentary.append", content=content, delegation_id=None)


def track_of(events: list[Event]) -> npt.NDArray[np.int16]:
    deltas = only(events, "session.output_audio.delta")
    track = b"".join(base64.b64decode(event["delta"], validate=True) for event in deltas)
    return np.frombuffer(track, "<i2")


def words_of(events: list[Event], whose: str = "output") -> str:
    deltas = only(events, f"session.{whose}_transcript.delta")
    return "".join(event["delta"] for event in deltas)
