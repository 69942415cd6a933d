"""A client of the local agent's conversation, without a socket: every event of both sides goes past
the vendor's types, time stands still until told otherwise."""

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from sipua.bridge.agent.dialects.table import DIALECTS
from sipua.bridge.agent.realtime.conversation import Conversation
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.settings import AgentSettings
from support.engine.dialect_types import JUDGES

Event = dict[str, Any]
FRAME_MS = 20


class AgentClient:
    def __init__(
        self,
        settings: AgentSettings | None = None,
        shared: SharedAgentState | None = None,
        dialect: str = "ga",
    ) -> None:
        self.now = 1000.0
        self.judge = JUDGES[dialect]
        self.log: list[Event] = []
        self.conversation = Conversation(
            shared or SharedAgentState.prepared(settings or AgentSettings()),
            model="local",
            dialect=DIALECTS[dialect],
            entropy="abc",
            expires_at=1_800_000_000,
            now=self.now,
        )
        self._take(self.conversation.start())

    def _take(self, messages: list[bytes]) -> list[Event]:
        events = [self.judge.server(message) for message in messages]
        self.log += events
        return events

    def raw(self, message: bytes | str) -> list[Event]:
        """Whatever it is, the vendor's or not."""
        return self._take(self.conversation.receive(message, self.now))

    def send(self, event_type: str, **fields: Any) -> list[Event]:
        message = json.dumps({"type": event_type, **fields})
        self.judge.client(message)
        return self.raw(message)

    def update(self, **session: Any) -> list[Event]:
        return self.send("session.update", session={"type": "realtime", **session})

    def detect(self, turn_detection: Event | None) -> list[Event]:
        return self.update(audio={"input": {"turn_detection": turn_detection}})

    def append(self, data: bytes) -> list[Event]:
        return self.send("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    def say(self, pcm: npt.NDArray[np.int16], *, rate: int = 24_000) -> list[Event]:
        """In 20 ms appends, at the pace of a call."""
        events: list[Event] = []
        samples = rate * FRAME_MS // 1000
        for start in range(0, pcm.size, samples):
            events += self.append(pcm[start : start + samples].astype("<i2").tobytes())
            events += self.wait(FRAME_MS)
        return events

    def wait(self, ms: float) -> list[Event]:
        """Time goes by, the conversation's deadlines are kept."""
        events: list[Event] = []
        until = self.now + ms / 1000
        while (deadline := self.conversation.next_deadline()) <= until:
            if self.conversation.expired:
                break
            self.now = max(self.now, deadline)
            events += self._take(self.conversation.handle_timer(self.now))
        self.now = until
        return events


def types_of(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def only(events: list[Event], event_type: str) -> list[Event]:
    return [event for event in events if event["type"] == event_type]


def one(events: list[Event], event_type: str) -> Event:
    (event,) = only(events, event_type)
    return event


def error_of(events: list[Event]) -> Event:
    error: Event = one(events, "error")["error"]
    return error


def audio_of(events: list[Event]) -> bytes:
    deltas = only(events, "response.output_audio.delta")
    return b"".join(base64.b64decode(event["delta"], validate=True) for event in deltas)
