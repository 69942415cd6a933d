"""A dialogue over fake sessions, and its call: what a test does with it and hears of it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    ResponseDone,
    ResponseStarted,
    Transcript,
)
from sipua.bridge.turns.state import TurnState
from support.engine.fake_sessions import FakeSession, FakeSessions
from support.engine.line import FakeLine

E = TypeVar("E", bound=ConversationEvent)

PHRASE = "Say that the line broke."
POLICY = DialoguePolicy(phrase=PHRASE, rotate_after_s=0, filler_after_s=0)
FRAME_24K = b"\x00" * 960


class Call:
    """The other side of a dialogue: what the bridge does with it."""

    def __init__(self, *engines: str, policy: DialoguePolicy = POLICY, **sessions: Any) -> None:
        self.sessions = FakeSessions(**sessions)
        self.events: list[ConversationEvent] = []
        self._line = FakeLine()
        self.turns = TurnState(self._line)
        self.dialogue = Dialogue(
            self.sessions.choices(*(engines or ("first",))),
            policy=policy,
            on_event=self.events.append,
            turns=self.turns,
            make_session=self.sessions.make,
            random=lambda: 1.0,
        )

    @property
    def quiet(self) -> bool:
        return not self._line.saying

    @quiet.setter
    def quiet(self, value: bool) -> None:
        self._line.saying = "" if value else "item"

    @property
    def session(self) -> FakeSession:
        return self.sessions.last

    async def begin(self) -> FakeSession:
        await self.dialogue.connect(5)
        return self.session

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def counters(self) -> dict[str, int]:
        return self.dialogue.counters()


def failure(kind: ErrorKind, **more: Any) -> EngineConnectError:
    return EngineConnectError(kind, kind, **more)


def answer(item: str, text: str) -> list[Any]:
    """A whole response of a second."""
    return [
        ResponseStarted(item),
        AudioDelta(item, 0, b"\x00" * 48_000),
        Transcript(item, "assistant", text, final=True),
        AudioDone(item),
        ResponseDone(item, "completed"),
    ]


async def passed(seconds: float) -> None:
    await asyncio.sleep(seconds)


def now() -> float:
    return asyncio.get_running_loop().time()
