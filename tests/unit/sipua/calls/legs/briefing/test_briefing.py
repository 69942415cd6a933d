"""A target is briefed before it has the caller: real sockets and sounds, a virtual clock."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engine_api.events import AudioDelta, AudioDone, ResponseDone
from sipua.bridge.events import AudioBegan, Interrupted
from sipua.bridge.playout import sounds
from sipua.calls.legs.briefing.briefing import SUMMARY
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.tones import sine
from sipua.sip.messages import CallEnded, EndedBy
from support.calls.briefing_story import (
    GONE,
    HOLD,
    KEYS,
    LEG,
    TEXT,
    WARM,
    Story,
    frames_of,
    freed,
    story,
)
from support.media import audio

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_a_key_takes_the_call_and_the_caller_hears_nothing_before() -> None:
    async with story() as one:
        await one.answer()
        await asyncio.sleep(4)
        assert one.heard(TEXT) >= 48
        assert one.heard(KEYS) >= 28
        assert one.setup.bridge.through.joint is None
        to_caller = one.setup.phone.packets()
        assert frames_of(HOLD, to_caller) > 100
        assert frames_of(TEXT, to_caller) == 0
        one.key("1")
        assert one.setup.bridge.through.joint is not None
        assert (await one.outcome()).ok
        assert one.call.types() == [
            "call.transfer_progress",
            "call.briefing",
            "call.joined",
            "call.transferred",
        ]
        outcome = await one.outcome()
        assert outcome.mode == "warm"
        assert list(outcome.phases) == ["ringing", "briefing", "briefed", "joined", "settled"]
        told = [event.fields() for event in one.call.told if event.type == "call.joined"]
        assert told[0]["accepted"] == "key 1"


async def test_a_key_during_the_text_takes_the_call_at_once() -> None:
    async with story() as one:
        await one.answer()
        await asyncio.sleep(1.5)
        one.key("1")
        assert one.setup.bridge.through.joint is not None
        one.phone.packets()
        await asyncio.sleep(1)
        assert one.heard(TEXT) == 0, "what is joined is briefed no more"


@pytest.mark.parametrize(("digit", "cause"), [("2", "declined"), ("5", "accept_timeout")])
async def test_T1_a_target_that_does_not_take_the_call(digit: str, cause: str) -> None:
    async with story() as one:
        await one.answer()
        await asyncio.sleep(2)
        one.key(digit)
        outcome = await one.outcome()
        assert (outcome.ok, outcome.cause, outcome.mode) == (False, cause, "warm")
        assert one.call.hung_up
        assert "call.joined" not in one.call.types()
        assert not one.setup.bridge.through.aside, "the agent is back"
        one.setup.phone.packets()
        await asyncio.sleep(0.5)
        assert frames_of(HOLD, one.setup.phone.packets()[2:]) == 0


async def test_T1_a_target_that_hangs_up_while_it_is_briefed() -> None:
    async with story() as one:
        await one.answer()
        await asyncio.sleep(2)
        one.dialling.on_signal(CallEnded(LEG, EndedBy.PEER, 200, "OK"))
        assert (await one.outcome()).cause == "target_left"
        assert not one.call.hung_up


@pytest.mark.parametrize("digit", ["1", "2"])
async def test_an_end_that_is_told_late_parts_nobody(digit: str) -> None:
    """Somebody else has the place of the target by then, or the call is put through anew."""
    async with story() as one:
        await one.answer()
        await asyncio.sleep(2)
        one.key(digit)
        one.dialling.on_caller_left()
        bridge = one.setup.bridge
        bridge.set_aside(True)
        joint = bridge.through.join(bridge.leg)
        one.dialling.on_signal(CallEnded(LEG, EndedBy.PEER, 200, "OK"))
        assert bridge.through.joint is joint
        assert bridge.through.aside
        bridge.through.part()


async def test_T1_voicemail_is_never_connected() -> None:
    for warm in (WARM, replace(WARM, by_key=False)):
        async with story(warm) as one:
            await one.answer()
            greeting = np.concatenate([audio.speech("pbx"), audio.speech("caller")])
            greeting = np.concatenate([greeting, greeting, audio.silence(2000)])
            await one.talk(greeting)
            outcome = await one.outcome()
            assert outcome.cause == "voicemail"
            assert one.call.hung_up
            assert "call.joined" not in one.call.types()


async def test_a_person_accepts_by_listening() -> None:
    async with story(replace(WARM, by_key=False)) as one:
        await one.answer()
        await one.talk(np.concatenate([audio.speech("short"), audio.silence(4000)]))
        assert one.setup.bridge.through.joint is not None
        assert one.heard(TEXT) >= 48, "not before it has heard who waits"
        assert one.heard(KEYS) == 0
        assert (await one.outcome()).ok


async def test_T2_the_caller_leaves_and_the_target_hears_one_sentence() -> None:
    async with story() as one:
        await one.answer()
        await asyncio.sleep(1.5)
        one.dialling.on_caller_left()
        outcome = await one.outcome()
        assert (outcome.ok, outcome.cause) == (False, "caller_left")
        assert not one.call.hung_up
        await one.setup.bridge.close()  # the rest of the call ends meanwhile
        one.phone.packets()
        async with asyncio.timeout(10):
            await one.dialling.gone()
        assert one.heard(GONE) >= 24
        assert one.heard(TEXT) == 0
        assert one.call.hung_up
        assert one.call.types()[-1] == "call.leg_ended"


def says(one: Story, item: str, pcm: Pcm) -> None:
    """The model."""
    wide = np.repeat(pcm, 3).astype(np.int16).tobytes()
    one.setup.engine.on_event(AudioDelta(item, 0, wide))
    one.setup.engine.on_event(AudioDone(item))
    one.setup.engine.on_event(ResponseDone(f"of {item}", "completed"))


async def test_the_model_tells_who_waits_and_the_caller_hears_nothing_of_it() -> None:
    async with story(replace(WARM, by="model")) as one:
        asked: list[str | None] = []
        one.setup.engine.speak = asked.append  # type: ignore[method-assign]  # it is scripted here
        await one.answer()
        await asyncio.sleep(1.3)
        assert asked == [SUMMARY]
        says(one, "summary", sine(1000, 1500, 8000))
        await asyncio.sleep(3)
        one.packets += one.phone.packets()
        sound = np.concatenate([decode(Law.PCMU, bytes(p.payload)) for p in one.packets])
        assert audio.level_dbfs(sound[8000 : 2 * 8000]) > -40
        assert one.heard(KEYS) >= 28, "behind it"
        assert one.heard(TEXT) == 0
        assert [e.fields()["by"] for e in one.call.told if e.type == "call.briefing"] == ["model"]
        to_caller = one.setup.phone.packets()
        codes = {bytes(p.payload) for p in to_caller}
        hold = encode(Law.PCMU, HOLD)
        ours = {hold[at : at + 160] for at in range(0, len(hold) - 159, 160)}
        assert codes <= ours | {bytes([Law.PCMU.silence]) * 160}
        # The record has it, and that the caller has not heard it; so has the model.
        assert AudioBegan("summary") in one.setup.events
        assert Interrupted("summary", 0, by="transfer") in one.setup.events
        assert one.setup.engine.truncated == [("summary", 0)]
        one.key("2")
        assert (await one.outcome()).cause == "declined"
        says(one, "explanation", sine(1000, 500, 8000))
        assert AudioBegan("explanation") in one.setup.events
        assert one.setup.bridge.speaking, "what it says now is for the caller again"


async def test_a_model_that_says_nothing_gives_way_to_the_text() -> None:
    async with story(replace(WARM, by="model")) as one:
        one.setup.engine.speak = lambda _: None  # type: ignore[method-assign]  # a silent model
        await one.answer()
        await asyncio.sleep(6)
        assert one.heard(TEXT) >= 48
        says(one, "late", sine(1000, 500, 8000))
        assert not one.setup.bridge.speaking, "too late: heard on neither side"
        one.key("1")
        assert one.setup.bridge.through.joint is not None


@pytest.mark.parametrize("end", ["1", "2", "caller"])
async def test_H5_what_has_ended_is_freed_without_the_garbage_collector(end: str) -> None:
    await freed(lambda: _ended(end))


async def _ended(end: str) -> list[weakref.ref[Any]]:
    async with story(replace(WARM, by="model")) as one:
        await one.answer()
        await asyncio.sleep(2)
        assert one.dialling._briefing is not None
        left: list[weakref.ref[Any]] = [
            weakref.ref(thing) for thing in (one.dialling, one.dialling._briefing)
        ]
        if end == "caller":
            one.dialling.on_caller_left()
            await one.dialling.gone()
        else:
            one.key(end)
            await one.outcome()
            one.dialling.on_caller_left()
    return left


async def test_built_in_sentences_are_there() -> None:
    for name in ("a-caller-waits", "accept-or-decline", "caller-gone"):
        assert 1.0 < len(sounds.prompt(name)) / sounds.RATE_HZ < 4.0
