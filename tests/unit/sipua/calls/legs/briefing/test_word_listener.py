"""A target takes the call by a word: real sockets and sounds, a virtual clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sipua.bridge.engine_api.events import SpeechStarted, Transcript, Usage, Used
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import EngineInUse
from sipua.calls.legs.briefing.words import ACCEPTING, DECLINING, SpokenAnswer
from support.calls.briefing_story import KEYS, TEXT, WARM, Story, story
from support.calls.call_bridge import ScriptedEngine
from support.media import audio

pytestmark = pytest.mark.usefixtures("virtual_clock")

BY_WORD = replace(WARM, words=SpokenAnswer(ACCEPTING["en"], DECLINING["en"]))
HELLO = np.concatenate([audio.speech("short"), audio.silence(1500)])


def says(engine: ScriptedEngine, text: str, item: str = "item") -> None:
    engine.on_event(SpeechStarted(item, 100))
    engine.on_event(Transcript(item, "user", text, final=True))


async def briefed(one: Story) -> ScriptedEngine:
    await one.answer()
    (engine,) = one.agents
    engine.on_event(EngineInUse("main", AudioFormat.PCM16, "session-b", "first"))
    await one.talk(HELLO)
    await asyncio.sleep(2.5)
    assert one.heard(TEXT) >= 48, "what it says cuts nothing off"
    assert engine.heard, "the engine hears it"
    assert one.setup.engine.heard == [], "and the caller's does not"
    return engine


@pytest.mark.parametrize(("text", "cause"), [("Yes, please.", None), ("No.", "declined")])
async def test_a_word_decides(text: str, cause: str | None) -> None:
    async with story(BY_WORD) as one:
        engine = await briefed(one)
        says(engine, "Who is it?", "first")
        await asyncio.sleep(1)
        assert one.setup.bridge.through.joint is None
        says(engine, text)
        outcome = await one.outcome()
        assert outcome.cause == cause
        if cause is None:
            joined = [event.fields() for event in one.call.told if event.type == "call.joined"]
            assert joined[0]["accepted"] == "word yes please"
            assert "briefed" in outcome.phases
        assert engine.closed


async def test_the_hello_is_no_answer() -> None:
    async with story(BY_WORD) as one:
        await one.answer()
        (engine,) = one.agents
        engine.on_event(SpeechStarted("hello", 100))
        await one.talk(HELLO)
        await asyncio.sleep(1)
        engine.on_event(Transcript("hello", "user", "Yes?", final=True))
        await asyncio.sleep(1)
        assert one.setup.bridge.through.joint is None
        one.key("1")
        assert one.setup.bridge.through.joint is not None, "keys count beside it"


async def test_T1_voicemail_is_never_connected() -> None:
    async with story(BY_WORD) as one:
        await one.answer()
        (engine,) = one.agents
        await asyncio.sleep(2)
        says(engine, "Yes")
        await asyncio.sleep(0.5)
        assert one.setup.bridge.through.joint is None, "nobody was heard yet"
        await one.talk(np.concatenate([audio.speech("pbx"), audio.speech("caller")] * 2))
        assert (await one.outcome()).cause == "voicemail"
    async with story(BY_WORD) as one:
        engine = await briefed(one)
        says(engine, "Please leave a message after the tone")
        assert (await one.outcome()).cause == "voicemail"


async def test_without_a_session_the_keys_count() -> None:
    async with story(BY_WORD) as one:
        await one.answer()
        await one.talk(HELLO)
        await asyncio.sleep(4)
        assert one.heard(KEYS) >= 28
        one.key("1")
        assert (await one.outcome()).ok


async def test_what_it_costs_is_the_calls() -> None:
    async with story(BY_WORD) as one:
        engine = await briefed(one)
        engine.on_event(Used(Usage(audio_in=7), "transcription"))
        assert one.setup.events[-1] == Used(Usage(audio_in=7), "transcription", "main")
