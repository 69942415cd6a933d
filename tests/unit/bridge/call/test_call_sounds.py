"""A call's own sounds beside the engine's: order, fillers, hold, and what is told of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sipua.bridge.engine_api.events import AudioDelta, AudioDone, ResponseDone, SpeechStarted
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import (
    AudioBegan,
    AudioLeft,
    AudioPlayed,
    EngineInUse,
    EngineOutage,
    Interrupted,
    ModelSilent,
    PeerSilent,
)
from sipua.bridge.playout.sounds import Sounds
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from sipua.rtp.packet import RtpPacket
from support.calls.call_bridge import SETTINGS, Setup, bridge_setup

pytestmark = pytest.mark.usefixtures("virtual_clock")


SILENCE = bytes([Law.PCMU.silence]) * 160
BEEP = sine(1000, 100, 8000)
SOFT = sine(300, 40, 8000, level_dbfs=-30)


def begun(setup: Setup) -> Setup:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    return setup


def payloads(packets: list[RtpPacket]) -> list[bytes]:
    return [bytes(packet.payload) for packet in packets]


def frames(pcm: np.typing.NDArray[np.int16]) -> list[bytes]:
    codes = encode(Law.PCMU, pcm)
    return [codes[at : at + 160] for at in range(0, len(codes), 160)]


async def test_an_item_is_told_when_it_comes_leaves_and_has_been_played(setup: Setup) -> None:
    begun(setup).engine.say("answer", 200)
    await setup.until(lambda: AudioPlayed("answer", 200) in setup.events)
    audio = [event for event in setup.events if "Audio" in type(event).__name__]
    assert audio == [AudioBegan("answer"), AudioLeft("answer"), AudioPlayed("answer", 200)]


async def test_an_item_whose_end_is_told_late_has_been_played_then(setup: Setup) -> None:
    begun(setup).engine.on_event(AudioDelta("answer", 0, sine(400, 40, 24_000).tobytes()))
    await asyncio.sleep(0.15)
    assert not any(isinstance(event, AudioPlayed) for event in setup.events)
    setup.engine.on_event(AudioDone("answer"))
    await setup.until(lambda: AudioPlayed("answer", 40) in setup.events)


async def test_a_local_sound_is_heard_between_and_the_engine_never_hears_of_it(
    setup: Setup,
) -> None:
    begun(setup).engine.say("answer", 100)
    assert setup.bridge.speaking
    name = setup.bridge.play("beep", BEEP)
    assert name == "local:beep:1"
    heard = payloads(await setup.phone.hear(14))
    start = heard.index(frames(BEEP)[0])
    assert heard[start : start + 5] == frames(BEEP)
    assert SILENCE not in heard[start - 4 : start]
    await setup.until(lambda: AudioPlayed(name, 100) in setup.events)
    assert AudioLeft(name) in setup.events
    assert setup.engine.truncated == []
    assert not setup.bridge.speaking


async def test_a_local_sound_inside_a_growing_answer_does_not_end_it(setup: Setup) -> None:
    begun(setup).engine.on_event(AudioDelta("answer", 0, sine(400, 60, 24_000).tobytes()))
    setup.bridge.play("beep", BEEP)
    setup.engine.on_event(AudioDelta("answer", 0, sine(400, 60, 24_000).tobytes()))
    await setup.until(lambda: AudioPlayed("local:beep:1", 100) in setup.events)
    await asyncio.sleep(0.15)
    assert not any(isinstance(e, AudioPlayed) and e.item_id == "answer" for e in setup.events)
    setup.engine.on_event(AudioDone("answer"))
    await setup.until(lambda: AudioPlayed("answer", 120) in setup.events)


async def test_a_local_sound_is_not_cut_unless_it_may_be(setup: Setup) -> None:
    begun(setup).engine.say("answer", 1000)
    setup.bridge.play("sorry", BEEP)
    setup.bridge.play("music", BEEP, interruptible=True)
    await setup.phone.hear(3)
    setup.engine.on_event(SpeechStarted("caller", 0))
    heard = payloads(await setup.phone.hear(12))
    assert [item for item, _ in setup.engine.truncated] == ["answer"]
    cut = [event.item_id for event in setup.events if isinstance(event, Interrupted)]
    assert cut == ["answer", "local:music:2"]
    start = heard.index(frames(BEEP)[0])
    assert heard[start : start + 6] == [*frames(BEEP), SILENCE]


async def test_a_filler_loops_until_real_audio_comes_which_leaves_at_once(setup: Setup) -> None:
    begun(setup)
    await setup.phone.hear(1)
    setup.bridge.fill(SOFT)
    heard = payloads(await setup.phone.hear(10))
    loop = frames(SOFT)
    start = heard.index(loop[0])
    assert heard[start : start + 6] == [*loop, *loop, *loop][: len(heard[start : start + 6])]
    assert not setup.bridge.speaking
    setup.engine.say("answer", 100)
    spoken = await setup.phone.hear(6)
    first = next(n for n, packet in enumerate(spoken) if bytes(packet.payload) not in loop)
    assert spoken[first].marker
    setup.bridge.fill(None)
    await setup.phone.hear(8)
    assert set(payloads(await setup.phone.hear(3))) == {SILENCE}


async def test_M2_an_outage_is_filled_and_the_next_engines_audio_ends_it() -> None:
    settings = replace(SETTINGS, sounds=Sounds(filler=SOFT, filler_delay_ms=100))
    async with bridge_setup(settings) as setup:
        begun(setup).engine.on_event(AudioDelta("answer", 0, sine(400, 100, 24_000).tobytes()))
        setup.engine.on_event(EngineOutage("one", "gone"))
        heard = payloads(await setup.phone.hear(20))
        first = next(n for n, payload in enumerate(heard) if payload in frames(SOFT))
        assert heard[first:] == (frames(SOFT) * 10)[: len(heard) - first]
        # What was being said is said, then there is the delay and no more.
        assert 4 <= heard[:first].count(SILENCE) <= 7
        assert AudioPlayed("answer", 100) in setup.events
        setup.engine.on_event(EngineInUse("two", AudioFormat.PCM16, "s2", "fallback"))
        setup.engine.say("again", 60)
        await setup.until(lambda: AudioPlayed("again", 60) in setup.events)
        setup.phone.packets()
        await setup.phone.hear(2)
        assert set(payloads(await setup.phone.hear(4))) == {SILENCE}


@pytest.mark.parametrize("status", ["cancelled", "failed"])
async def test_M4_a_nudge_ends_no_filler_although_it_ends_a_response(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sipua.bridge.playout.filler._WITHOUT_A_WORD_S", 0.06)
    settings = replace(SETTINGS, sounds=Sounds(filler=SOFT, filler_delay_ms=0))
    async with bridge_setup(settings) as setup:
        begun(setup).engine.on_event(ModelSilent(8000, "nudged"))
        setup.engine.on_event(ResponseDone("hangs", status))
        heard = payloads(await setup.phone.hear(12))
        assert heard[-2:] == frames(SOFT) or heard[-2:] == frames(SOFT)[::-1]
        setup.engine.on_event(ResponseDone("without a word", "completed"))
        await setup.phone.hear(8)
        assert set(payloads(await setup.phone.hear(3))) == {SILENCE}


async def test_M5_who_speaks_over_a_filler_is_listened_to() -> None:
    settings = replace(SETTINGS, sounds=Sounds(filler=SOFT, filler_delay_ms=0))
    async with bridge_setup(settings) as setup:
        begun(setup).engine.on_event(ModelSilent(2000, "waiting"))
        assert set(frames(SOFT)) & set(payloads(await setup.phone.hear(4)))
        setup.engine.on_event(SpeechStarted("caller", 0))
        await setup.phone.hear(2)
        assert set(payloads(await setup.phone.hear(3))) == {SILENCE}


async def test_who_is_answered_before_there_is_an_engine_hears_that_we_look_for_one() -> None:
    settings = replace(SETTINGS, sounds=Sounds(filler=SOFT, filler_delay_ms=0))
    async with bridge_setup(settings) as setup:
        connected = asyncio.Event()
        setup.engine.connected = connected
        connecting = asyncio.create_task(setup.bridge.connect(5))
        await asyncio.sleep(0)
        begun(setup)
        assert set(frames(SOFT)) & set(payloads(await setup.phone.hear(4)))
        setup.engine.on_event(EngineInUse("one", AudioFormat.PCM16, "s1", "first"))
        connected.set()
        await connecting
        await setup.phone.hear(2)
        assert set(payloads(await setup.phone.hear(3))) == {SILENCE}


async def test_on_hold_by_us_the_engine_hears_silence_at_the_same_time(setup: Setup) -> None:
    begun(setup)
    await setup.phone.talk(setup.port, 5)
    await setup.until(lambda: len(setup.heard_pcm) >= 5 * 480)
    assert np.any(setup.heard_pcm)
    setup.bridge.listen(False)
    setup.engine.heard.clear()
    await setup.phone.talk(setup.port, 5)
    await setup.until(lambda: len(setup.heard_pcm) >= 5 * 480)
    # The filter's last 3 ms of what came before.
    assert not np.any(setup.heard_pcm[72:])
    setup.bridge.listen(True)
    await setup.phone.talk(setup.port, 3)
    await setup.until(lambda: bool(np.any(setup.heard_pcm[72:])))


async def test_while_a_goodbye_is_said_nothing_is_cut(setup: Setup) -> None:
    begun(setup).bridge.interruptible = False
    setup.engine.say("goodbye", 200)
    setup.engine.on_event(SpeechStarted("caller", 0))
    await setup.until(lambda: AudioPlayed("goodbye", 200) in setup.events)
    assert setup.engine.truncated == []
    assert not setup.bridge.interruptible


async def test_quiet_is_when_neither_side_speaks(setup: Setup) -> None:
    assert begun(setup).bridge.turns.turn == "idle"
    setup.engine.on_event(AudioDelta("answer", 0, sine(400, 20, 24_000).tobytes()))
    await asyncio.sleep(0.1)
    assert setup.bridge.turns.turn != "idle", "more of it is to come"
    setup.engine.on_event(AudioDone("answer"))
    await setup.until(lambda: setup.bridge.turns.turn == "idle")
    setup.engine.on_event(SpeechStarted("caller", 0))
    assert setup.bridge.turns.turn != "idle"


@pytest.mark.parametrize("audio_format", [AudioFormat.PCMU, AudioFormat.PCMA])
async def test_an_engines_g711_is_heard_as_it_came(setup: Setup, audio_format: AudioFormat) -> None:
    begun(setup).engine.on_event(EngineInUse("one", audio_format, "s1", "first"))
    law = Law[audio_format.name]
    setup.engine.on_event(AudioDelta("answer", 0, encode(law, BEEP)))
    setup.engine.on_event(AudioDone("answer"))
    heard = payloads(await setup.phone.hear(8))
    wanted = frames(BEEP)
    if law is Law.PCMA:
        beep = np.array(law.decode_table)[np.frombuffer(encode(law, BEEP), np.uint8)]
        wanted = frames(beep)
    start = heard.index(wanted[0])
    assert heard[start : start + 5] == wanted


async def test_what_is_said_waits_while_we_hold_the_peer(setup: Setup) -> None:
    """It hears the hold sound, on the same stream; then what was being said goes on."""
    begun(setup).engine.say("answer", 400)
    await asyncio.sleep(0.1)
    said = setup.phone.packets()
    setup.bridge.open_media(replace(setup.plan, receives=False, held_by_us=True))
    setup.bridge.fill(SOFT, "operator")
    await asyncio.sleep(0.3)
    held = payloads(setup.phone.packets())
    assert set(held[3:]) <= set(frames(SOFT))
    assert AudioPlayed("answer", 400) not in setup.events
    setup.bridge.fill(None, "operator")
    setup.bridge.open_media(setup.plan)
    await setup.until(lambda: AudioPlayed("answer", 400) in setup.events)
    again = setup.phone.packets()
    assert len({packet.ssrc for packet in (*said, *again)}) == 1
    loud = [one for one in (*said, *again) if bytes(one.payload) != SILENCE]
    assert 19 <= len(loud) <= 22


async def test_a_hold_of_a_tool_does_not_end_the_operators(setup: Setup) -> None:
    begun(setup).bridge.fill(BEEP, "operator")
    setup.bridge.fill(SOFT)
    await asyncio.sleep(0.2)
    assert payloads(setup.phone.packets())[-1] in frames(SOFT)
    setup.bridge.fill(None)
    await asyncio.sleep(0.2)
    assert payloads(setup.phone.packets())[-1] in frames(BEEP)
    setup.bridge.fill(None, "operator")
    await asyncio.sleep(0.2)
    assert payloads(setup.phone.packets())[-1] == SILENCE


async def test_a_peer_that_we_hold_may_be_silent(setup: Setup) -> None:
    begun(setup)
    setup.bridge.open_media(replace(setup.plan, receives=False, held_by_us=True))
    await asyncio.sleep(2 * SETTINGS.hold_timeout_s)
    assert not any(isinstance(event, PeerSilent) for event in setup.events)
    setup.bridge.open_media(setup.plan)
    await asyncio.sleep(SETTINGS.timeout_s + 1)
    assert any(isinstance(event, PeerSilent) for event in setup.events)


async def test_what_a_muted_agent_says_is_cut_at_once_and_told(setup: Setup) -> None:
    begun(setup).engine.say("first", 1000)
    await asyncio.sleep(0.1)
    setup.bridge.mute_agent(True)
    setup.engine.say("second", 1000)
    await asyncio.sleep(0.1)
    setup.phone.packets()
    setup.engine.on_event(AudioDelta("second", 0, sine(400, 40, 24_000).tobytes()))
    await asyncio.sleep(0.2)
    assert set(payloads(setup.phone.packets())) == {SILENCE}
    cut = [event for event in setup.events if isinstance(event, Interrupted)]
    assert [(one.item_id, one.by) for one in cut] == [("first", "operator"), ("second", "operator")]
    assert cut[0].played_ms > 0
    assert setup.engine.truncated == [("first", cut[0].played_ms), ("second", 0)]
    assert setup.engine.cancelled >= 2
    setup.bridge.mute_agent(False)
    setup.engine.say("third", 100)
    await setup.until(lambda: AudioPlayed("third", 100) in setup.events)


async def test_the_caller_is_heard_when_none_wants_the_contrary(setup: Setup) -> None:
    begun(setup).bridge.listen(False, "operator")
    setup.bridge.listen(False)
    setup.bridge.listen(True)  # the tool's hold is over, the operator's mute is not
    await setup.phone.talk(setup.port, 10)
    assert not any(any(piece) for piece in setup.engine.heard)
    setup.bridge.listen(True, "operator")
    await setup.phone.talk(setup.port, 10)
    assert any(any(piece) for piece in setup.engine.heard)
