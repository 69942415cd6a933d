"""When we answer, and who speaks first in a call of ours."""

import asyncio
from dataclasses import replace

import pytest

from sipua.bridge.engine_api.events import SpeechStarted, SpeechStopped
from sipua.bridge.events import AudioBegan
from sipua.calls.opening import Placing
from sipua.calls.profile import AgentProfile, NamedEngine
from sipua.config import EngineSection, TurnDetectionSection
from sipua.sip.messages import Answer, EndedBy, Hangup
from support.calls.call_story import FACTS, LIMITS, PROFILE, Story

GREETED = ["connected", "greet: Greet the caller."]
GREETING = replace(PROFILE, answer="greeting", greeting_timeout_s=5)


async def test_it_may_wait_for_the_greetings_first_sound() -> None:
    story = Story(GREETING)
    story.bridge.ready.set()
    await story.settle()
    assert story.bridge.steps == GREETED
    assert story.sent == []
    story.bridge.on_event(AudioBegan("item_1"))
    await story.settle()
    assert story.sent == [Answer("c-test")]
    await story.end()


async def test_a_greeting_that_does_not_come_keeps_nobody_waiting() -> None:
    story = Story(replace(GREETING, greeting_timeout_s=0.02))
    story.bridge.ready.set()
    async with asyncio.timeout(20):
        while Answer("c-test") not in story.sent:
            await asyncio.sleep(0.005)
    await story.end()


async def test_without_a_greeting_there_is_none_to_wait_for() -> None:
    story = Story(replace(GREETING, greeting=""))
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Answer("c-test")]
    await story.end()


async def test_ringing_ends_also_while_a_greeting_is_waited_for() -> None:
    story = Story(GREETING, limits=replace(LIMITS, ring_timeout_s=0.02))
    story.bridge.ready.set()
    async with asyncio.timeout(20):
        while not story.sent:
            await asyncio.sleep(0.005)
    assert story.sent[-1] == Hangup("c-test", 480)
    await story.end(EndedBy.US)


def place(profile: AgentProfile = PROFILE) -> Story:
    return Story(profile, opening=Placing(), facts=replace(FACTS, direction="outgoing"))


async def test_the_greeting_is_prepared_while_their_phone_rings() -> None:
    story = place()
    await story.settle()
    assert story.sent == []
    story.bridge.ready.set()
    await story.settle()
    assert story.bridge.steps == GREETED
    await story.confirm()
    assert story.sent == [], "nothing to answer"
    await story.end()


async def test_somebody_who_does_not_answer_is_not_called_for_ever() -> None:
    local = replace(LIMITS, ring_timeout_s=0.02)
    facts = replace(FACTS, direction="outgoing")
    story = Story(limits=local, opening=Placing(), facts=facts)
    async with asyncio.timeout(20):
        while not story.sent:
            await asyncio.sleep(0.005)
    assert isinstance(story.sent[-1], Hangup)
    await story.end(EndedBy.US)


def waiting(wait_s: float, *, create_response: bool = True) -> AgentProfile:
    detection = TurnDetectionSection(create_response=create_response)
    engine = NamedEngine("first", EngineSection(turn_detection=detection))
    return replace(PROFILE, first_word="wait", wait_s=wait_s, engines=(engine,))


async def test_who_speaks_first_is_answered_by_the_engine_itself() -> None:
    story = place(waiting(5))
    await story.talk()
    story.bridge.on_event(SpeechStarted("i", 0))
    story.bridge.on_event(SpeechStopped("i", 800))
    await story.settle()
    assert story.bridge.steps == ["connected", "start"]
    await story.end()


async def test_or_by_us_when_the_engine_does_not_take_turns() -> None:
    story = place(waiting(5, create_response=False))
    await story.talk()
    story.bridge.on_event(SpeechStarted("i", 0))
    await story.settle()
    assert story.bridge.steps == ["connected", "start"]
    story.bridge.on_event(SpeechStopped("i", 800))
    await story.settle()
    assert story.bridge.steps == ["connected", "start", GREETED[1]]
    await story.end()


async def test_who_says_nothing_is_greeted_and_not_before_the_answer() -> None:
    story = place(waiting(0.02))
    story.bridge.ready.set()
    await asyncio.sleep(0.05)
    assert story.bridge.steps == ["connected"]
    await story.confirm()
    async with asyncio.timeout(20):
        while GREETED[1] not in story.bridge.steps:
            await asyncio.sleep(0.005)
    await story.end()


@pytest.mark.parametrize("first_word", ["greet", "wait"])
async def test_without_a_greeting_they_always_speak_first(first_word: str) -> None:
    profile = replace(waiting(0.01), greeting="", first_word=first_word)  # type: ignore[arg-type]
    story = place(profile)
    await story.talk()
    await asyncio.sleep(0.03)
    assert story.bridge.steps == ["connected", "start"]
    await story.end()
