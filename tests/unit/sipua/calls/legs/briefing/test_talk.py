"""A target talks with an agent of its own: real sockets and sounds, a virtual clock."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    ResponseDone,
    ToolCall,
    Transcript,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import EngineGone, EngineInUse
from sipua.calls.legs.briefing.talk_steps import AGENT_BEGINS_S
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from sipua.sip.messages import CallEnded, EndedBy
from support.calls.briefing_story import GONE, HOLD, TEXT, WARM, Story, freed, story
from support.calls.call_bridge import ScriptedEngine
from support.media import audio

pytestmark = pytest.mark.usefixtures("virtual_clock")

TALK = replace(WARM, by="agent", agent_s=30.0)
HELLO = np.concatenate([audio.speech("short"), audio.silence(1500)])


@asynccontextmanager
async def talking(hello: bool = True) -> AsyncIterator[tuple[Story, ScriptedEngine]]:
    """The target has answered, and hears an agent."""
    async with story(TALK) as one:
        await one.answer()
        (agent,) = one.agents
        agent.speak = lambda _=None: says(agent, "opening")  # type: ignore[method-assign]
        agent.on_event(EngineInUse("local", AudioFormat.PCM16, "session-b", "first"))
        if hello:
            await one.talk(HELLO)
            await asyncio.sleep(1)
        yield one, agent


def says(agent: ScriptedEngine, item: str) -> None:
    agent.on_event(AudioDelta(item, 0, sine(700, 1000, 24_000).tobytes()))
    agent.on_event(AudioDone(item))


def calls(agent: ScriptedEngine, name: str, arguments: str = "{}") -> None:
    agent.on_event(ToolCall("call-1", name, arguments, "response-1"))


def loud(one: Story) -> bool:
    packets = one.phone.packets()
    one.packets += packets
    sound = [decode(Law.PCMU, bytes(packet.payload)) for packet in packets]
    return bool(sound) and audio.level_dbfs(np.concatenate(sound)) > -40


async def test_it_hears_the_target_and_only_the_target_hears_it() -> None:
    async with talking() as (one, agent):
        heard = np.frombuffer(b"".join(agent.heard), np.int16)
        assert audio.level_dbfs(heard) > -50, "the target's hello"
        assert loud(one)
        assert one.setup.engine.heard == [], "the caller's agent hears nothing"
        agent.on_event(Transcript("item", "user", "Who is it?", final=True))
        assert not any(isinstance(event, Transcript) for event in one.setup.events)
        to_caller = one.setup.phone.packets()
        codes = {bytes(packet.payload) for packet in to_caller}
        hold = encode(Law.PCMU, HOLD)
        ours = {hold[at : at + 160] for at in range(0, len(hold) - 159, 160)}
        assert codes <= ours | {bytes([Law.PCMU.silence]) * 160}
        assert [e.fields()["by"] for e in one.call.told if e.type == "call.briefing"] == ["agent"]
        calls(agent, "accept_transfer")
        await asyncio.sleep(2)
        assert one.setup.bridge.through.joint is not None
        assert agent.closed, "it has left"
        assert (await one.outcome()).ok
        joined = [event.fields() for event in one.call.told if event.type == "call.joined"]
        assert joined[0]["accepted"] == "agent"
        one.setup.phone.packets()
        await one.talk(audio.tone(500, 600))
        assert len(one.setup.phone.packets()) > 20, "the target is heard by the caller"


async def test_a_target_that_says_nothing_is_spoken_to_and_takes_no_call() -> None:
    async with talking(hello=False) as (one, agent):
        await asyncio.sleep(2)
        assert loud(one)
        calls(agent, "accept_transfer")
        await asyncio.sleep(6)
        assert one.setup.bridge.through.joint is None, "nobody has agreed"
        one.key("1")
        assert one.setup.bridge.through.joint is not None


async def test_T1_the_agent_declines_with_a_reason() -> None:
    async with talking() as (one, agent):
        says(agent, "goodbye")
        calls(agent, "decline_transfer", '{"reason": "back at three"}')
        assert one.call.types()[-1] == "call.briefing", "behind its last sentence"
        outcome = await one.outcome()
        assert (outcome.cause, outcome.reason) == ("declined", "agent: back at three")
        assert one.call.hung_up
        assert not one.setup.bridge.through.aside, "the caller's agent is back"
        async with asyncio.timeout(5):
            await one.dialling.gone()
        assert agent.closed


@pytest.mark.parametrize(("digit", "ok"), [("1", True), ("2", False)])
async def test_keys_count_beside_it(digit: str, ok: bool) -> None:
    async with talking() as (one, _):
        one.key(digit)
        assert (await one.outcome()).ok is ok


async def test_T1_a_talk_without_an_end() -> None:
    async with talking() as (one, _):
        outcome = await one.outcome()
        assert (outcome.cause, outcome.reason) == ("accept_timeout", "not accepted within 30 s")


async def test_T1_voicemail_is_never_connected() -> None:
    async with talking(hello=False) as (one, agent):
        greeting = np.concatenate([audio.speech("pbx"), audio.speech("caller")] * 2)
        calls(agent, "accept_transfer")
        await one.talk(greeting)
        assert (await one.outcome()).cause == "voicemail"
        assert "call.joined" not in one.call.types()


@pytest.mark.parametrize("way", ["silent", "gone", "later"])
async def test_the_text_takes_its_place_when_it_cannot_talk(way: str) -> None:
    async with story(TALK) as one:
        await one.answer()
        (agent,) = one.agents
        agent.speak = lambda _=None: None  # type: ignore[method-assign]  # it says nothing
        agent.on_event(EngineInUse("local", AudioFormat.PCM16, "session-b", "first"))
        if way == "later":
            says(agent, "opening")
            await asyncio.sleep(3)
        if way != "silent":
            agent.on_event(EngineGone("local", "no engine"))
        if way == "silent":
            await asyncio.sleep(AGENT_BEGINS_S)
            one.phone.packets()
        await asyncio.sleep(5)
        assert one.heard(TEXT) >= 48
        assert agent.closed
        one.key("1")
        assert one.setup.bridge.through.joint is not None
        assert (await one.outcome()).ok


async def test_T2_the_caller_leaves_and_the_target_hears_one_sentence() -> None:
    async with talking() as (one, agent):
        one.dialling.on_caller_left()
        assert (await one.outcome()).cause == "caller_left"
        says(agent, "more")
        one.phone.packets()
        async with asyncio.timeout(10):
            await one.dialling.gone()
        assert one.heard(GONE) >= 24
        assert one.call.hung_up


async def test_T1_a_target_that_hangs_up() -> None:
    async with talking() as (one, agent):
        one.dialling.on_signal(CallEnded(one.dialling.leg_id, EndedBy.PEER, 200, "OK"))
        assert (await one.outcome()).cause == "target_left"
        async with asyncio.timeout(5):
            await one.dialling.gone()
        assert agent.closed


async def test_what_it_costs_is_the_calls() -> None:
    async with talking() as (one, agent):
        agent.on_event(ResponseDone("response", "completed", usage=Usage(audio_out=7)))
        agent.on_event(Used(Usage(seconds=3), "session"))
        assert one.setup.events[-2:] == [
            Used(Usage(audio_out=7), "briefing", "local"),
            Used(Usage(seconds=3), "session", "local"),
        ]


@pytest.mark.parametrize("end", ["1", "2", "caller"])
async def test_H5_what_has_ended_is_freed_without_the_garbage_collector(end: str) -> None:
    await freed(lambda: _ended(end))


async def _ended(end: str) -> list[weakref.ref[Any]]:
    async with talking() as (one, _):
        assert one.dialling._own is not None
        assert one.dialling._briefing is not None
        left: list[weakref.ref[Any]] = [
            weakref.ref(thing)
            for thing in (one.dialling, one.dialling._briefing, one.dialling._own.bridge)
        ]
        if end == "caller":
            one.dialling.on_caller_left()
        else:
            one.key(end)
            await one.outcome()
            one.dialling.on_caller_left()
        await one.dialling.gone()
    return left
