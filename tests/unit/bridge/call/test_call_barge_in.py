"""Interruptions of a call: whose word counts, echoes, grace, overlapping items."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    SpeechStarted,
    SpeechStopped,
)
from sipua.bridge.engine_api.protocol import Capabilities
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import AudioPlayed, EngineInUse, Interrupted
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from support.calls.call_bridge import SETTINGS, Setup, bridge_setup
from support.media import audio

pytestmark = pytest.mark.usefixtures("virtual_clock")


DEAF = Capabilities(speech_events=False, truncate=False, cancel=False, tools=True)
SPEECH = audio.speech("caller")
OURS = audio.speech("pbx")


def begun(setup: Setup) -> Setup:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    return setup


def frames(pcm: audio.Pcm) -> list[bytes]:
    codes = encode(Law.PCMU, pcm)
    return [codes[at : at + 160] for at in range(0, len(codes) - 159, 160)]


async def say(setup: Setup, pcm: audio.Pcm) -> None:
    for payload in frames(pcm):
        await setup.phone.talk(setup.port, 1, payload)


def answer(setup: Setup, item: str = "answer") -> None:
    setup.engine.on_event(AudioDelta(item, 0, audio.resample(OURS, 8000, 24_000).tobytes()))
    setup.engine.on_event(AudioDone(item))


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_M5_an_engine_without_speech_events_is_interrupted_all_the_same(
    setup: Setup, audio_format: AudioFormat
) -> None:
    begun(setup)
    setup.engine.on_event(EngineInUse("deaf", audio_format, "s1", "first", capabilities=DEAF))
    await say(setup, audio.silence(200))
    setup.engine.on_event(AudioDelta("answer", 0, bytes(audio_format.bytes_per_ms * 5000)))
    voice = np.concatenate([SPEECH[800:6400], audio.silence(800)])
    await say(setup, voice)
    await setup.until(lambda: any(isinstance(e, SpeechStopped) for e in setup.events))
    told = [e for e in setup.events if isinstance(e, SpeechStarted | SpeechStopped | Interrupted)]
    assert [type(event) for event in told] == [Interrupted, SpeechStarted, SpeechStopped]
    started, stopped = told[1:]
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert 0 <= started.audio_start_ms < 400
    assert stopped.audio_end_ms <= setup.bridge.heard_ms
    ((item, played_ms),) = setup.engine.truncated
    assert item == "answer"
    assert 0 < played_ms < 1500
    assert setup.engine.cancelled == 1


async def test_an_engine_with_speech_events_is_believed_and_nobody_else(setup: Setup) -> None:
    begun(setup)
    setup.engine.on_event(EngineInUse("one", AudioFormat.PCM16, "s1", "first"))
    answer(setup)
    await say(setup, SPEECH[:4800])
    assert setup.engine.truncated == []
    setup.engine.on_event(SpeechStarted("caller", 0))
    assert len(setup.engine.truncated) == 1


async def test_an_engine_that_takes_no_turns_is_told_when_it_is_its_turn(setup: Setup) -> None:
    begun(setup)
    quiet = replace(DEAF, takes_turns=False)
    setup.engine.on_event(EngineInUse("one", AudioFormat.PCM16, "s1", "first", capabilities=quiet))
    await say(setup, np.concatenate([SPEECH[800:6400], audio.silence(800)]))
    await setup.until(lambda: AudioPlayed("greeting", 1000) in setup.events)


async def test_our_own_detection_can_be_preferred() -> None:
    settings = replace(SETTINGS, barge_in=BargeIn(detector="local"))
    async with bridge_setup(settings) as setup:
        begun(setup)
        setup.engine.on_event(EngineInUse("one", AudioFormat.PCM16, "s1", "first"))
        await say(setup, audio.silence(100))
        answer(setup)
        setup.engine.on_event(SpeechStarted("caller", 0))
        assert setup.engine.truncated == []
        await say(setup, SPEECH[:8000])
        await setup.until(lambda: bool(setup.engine.truncated))
        assert sum(isinstance(event, SpeechStarted) for event in setup.events) == 1, "its own"


@pytest.mark.parametrize("delay_frames", [3, 8])
@pytest.mark.parametrize("capabilities", [DEAF, replace(DEAF, speech_events=True)])
async def test_what_comes_back_of_our_own_voice_interrupts_nobody(
    setup: Setup, delay_frames: int, capabilities: Capabilities
) -> None:
    """A phone that sends back what it hears 15 dB down; then a person speaks into it."""
    begun(setup)
    setup.engine.on_event(
        EngineInUse("one", AudioFormat.PCM16, "s1", "first", capabilities=capabilities)
    )
    await say(setup, audio.silence(100))
    answer(setup)
    heard: list[bytes] = []
    quieter = encode(
        Law.PCMU, (np.array(Law.PCMU.decode_table) * 10 ** (-15 / 20)).astype(np.int16)
    )
    spoken = frames(SPEECH[1600:8000])
    silence = bytes([Law.PCMU.silence]) * 160
    # One frame for each that is heard: however busy this machine is, the delay stays.
    sent = 0
    while sent < 130:
        heard += [bytes(packet.payload) for packet in await setup.phone.hear(1)]
        while sent < min(130, len(heard)):
            back = (
                heard[sent - delay_frames].translate(quieter) if sent >= delay_frames else silence
            )
            if sent == 100:
                assert setup.engine.truncated == []
                fed = np.frombuffer(b"".join(setup.engine.heard), np.int16)
                assert audio.longest_silence_ms(fed, 24_000) > 1500, "all of it was kept from it"
                setup.engine.heard.clear()
            setup.phone.send(setup.port, spoken[sent - 100] if sent >= 100 else back)
            sent += 1
    await asyncio.sleep(0.1)
    fed = np.frombuffer(b"".join(setup.engine.heard), np.int16)
    narrow = audio.resample(fed, 24_000, 8000)
    assert audio.level_dbfs(narrow) > -40, "the caller is heard"
    if not capabilities.speech_events:
        assert len(setup.engine.truncated) == 1


async def test_the_engine_gets_as_much_time_as_the_caller_took_whatever_is_held(
    setup: Setup,
) -> None:
    begun(setup)
    answer(setup)
    await say(setup, SPEECH[:8000])
    await say(setup, audio.silence(1200))
    counted = setup.bridge.stats()["uplink"]
    assert isinstance(counted, dict)
    assert counted["dropped_ms"] == 0
    assert counted["fed_ms"] - counted["silence_fed_ms"] >= 2000
    assert abs(setup.bridge.heard_ms - counted["fed_ms"]) == 0


async def test_within_the_grace_the_greeting_goes_on_and_is_cut_at_its_end() -> None:
    settings = replace(SETTINGS, barge_in=BargeIn(grace_ms=300))
    async with bridge_setup(settings) as setup:
        begun(setup)
        answer(setup, "greeting")
        await setup.phone.hear(3)
        setup.engine.on_event(SpeechStarted("caller", 0))
        assert setup.engine.truncated == []
        await setup.until(lambda: bool(setup.engine.truncated))
        ((item, played_ms),) = setup.engine.truncated
        assert (item, played_ms) == ("greeting", 300)


async def test_who_has_finished_within_the_grace_hears_the_greeting_to_its_end() -> None:
    settings = replace(SETTINGS, barge_in=BargeIn(grace_ms=300))
    async with bridge_setup(settings) as setup:
        begun(setup)
        setup.engine.say("greeting", 500)
        await setup.phone.hear(3)
        setup.engine.on_event(SpeechStarted("caller", 0))
        setup.engine.on_event(SpeechStopped("caller", 100))
        await setup.until(lambda: AudioPlayed("greeting", 500) in setup.events)
        assert setup.engine.truncated == []


async def test_of_overlapping_items_each_is_cut_where_it_stood(setup: Setup) -> None:
    begun(setup)
    setup.engine.on_event(AudioDelta("one", 0, sine(400, 200, 24_000).tobytes()))
    setup.engine.on_event(AudioDelta("two", 0, sine(500, 400, 24_000).tobytes()))
    setup.engine.on_event(AudioDelta("three", 0, sine(600, 400, 24_000).tobytes()))
    await setup.until(lambda: AudioPlayed("one", 200) in setup.events)
    await setup.phone.hear(15)
    setup.engine.on_event(SpeechStarted("caller", 0))
    cut = [event for event in setup.events if isinstance(event, Interrupted)]
    assert [event.item_id for event in cut] == ["two", "three"]
    assert setup.engine.truncated == [(event.item_id, event.played_ms) for event in cut]
    two, three = cut
    assert 0 < two.played_ms <= 200
    assert three.played_ms == 0
    assert 395 <= three.dropped_ms <= 400, "but for what its filter still holds"
    setup.engine.on_event(AudioDelta("two", 0, sine(500, 400, 24_000).tobytes()))
    await asyncio.sleep(0.05)
    assert not setup.bridge.speaking
    playout = setup.bridge.stats()["playout"]
    assert isinstance(playout, dict)
    assert playout["late_ms"] == 400


async def test_M5_an_agent_that_hears_the_caller_itself_decides_alone_what_is_dropped(
    setup: Setup,
) -> None:
    begun(setup)
    agent = replace(DEAF, barge_in=False, asks=False)
    setup.engine.on_event(EngineInUse("agent", AudioFormat.PCMU, "s1", "first", capabilities=agent))
    setup.engine.on_event(AudioDelta("answer", 0, bytes(8 * 5000)))
    await say(setup, np.concatenate([SPEECH[800:6400], audio.silence(400)]))
    assert not any(isinstance(event, Interrupted) for event in setup.events)
    setup.engine.on_event(DropAudio())
    (cut,) = [event for event in setup.events if isinstance(event, Interrupted)]
    assert (cut.item_id, cut.by) == ("answer", "agent")
    assert cut.played_ms + cut.dropped_ms == 5000
    assert setup.engine.truncated == [("answer", cut.played_ms)]


async def test_a_model_that_was_interrupted_does_not_cut_off_a_goodbye(setup: Setup) -> None:
    begun(setup)
    model = replace(DEAF, truncate=True)
    setup.engine.on_event(EngineInUse("model", AudioFormat.PCMU, "s1", "first", capabilities=model))
    setup.engine.on_event(AudioDelta("goodbye", 0, bytes(8 * 1000)))
    setup.bridge.interruptible = False
    setup.engine.on_event(DropAudio())
    assert not any(isinstance(event, Interrupted) for event in setup.events)
    setup.bridge.interruptible = True
    setup.engine.on_event(DropAudio())
    (cut,) = [event for event in setup.events if isinstance(event, Interrupted)]
    assert (cut.item_id, cut.by) == ("goodbye", "agent")
