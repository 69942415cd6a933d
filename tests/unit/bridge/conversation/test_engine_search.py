"""Each attempt to reach an engine is told, under its name: S23."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.errors import EngineConnectError
from support.engine.fake_sessions import FakeSessions
from support.engine.line import turn_state
from support.virtual_time import in_virtual_time


class Told:
    def __init__(self, *engines: str) -> None:
        self.tried: list[tuple[str, bool]] = []
        self.sessions = FakeSessions()
        choices = self.sessions.choices(*engines)
        self.dialogue = Dialogue(
            [replace(choice, tried=partial(self._hear, choice.name)) for choice in choices],
            policy=DialoguePolicy(),
            on_event=lambda event: None,
            turns=turn_state(),
            make_session=self.sessions.make,
        )

    def _hear(self, name: str, reached: bool) -> None:
        self.tried.append((name, reached))


@in_virtual_time
async def test_S23_the_engine_that_is_reached_and_those_before_it() -> None:
    told = Told("first", "second")
    told.sessions.fail("first", EngineConnectError("unauthorized", "no"))
    await told.dialogue.connect(5)
    assert told.tried == [("first", False), ("second", True)]


@in_virtual_time
async def test_S23_none_is_reached() -> None:
    told = Told("only")
    told.sessions.fail("only", EngineConnectError("forbidden", "no"))
    with pytest.raises(EngineConnectError):
        await told.dialogue.connect(5)
    assert told.tried == [("only", False)]
