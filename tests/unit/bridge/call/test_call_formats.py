"""One call's bridge with engines of other formats, and with engines that set marks."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sipua.bridge.engine_api.events import AudioDelta, AudioDone, DropAudio, PlayoutMark
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import AudioPlayed, EngineInUse, Interrupted
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from support.calls.call_bridge import Setup
from support.media.audio import find, speech

pytestmark = pytest.mark.usefixtures("virtual_clock")

PCM16, MIDDLE, NARROW = AudioFormat.PCM16, AudioFormat.PCM16_16K, AudioFormat.PCM16_8K
PCMU = AudioFormat.PCMU


def begun(setup: Setup, hears: AudioFormat, speaks: AudioFormat) -> Setup:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    setup.engine.on_event(EngineInUse("one", speaks, "s1", "first", hears=hears))
    return setup


@pytest.mark.parametrize("speaks", [PCM16, MIDDLE, NARROW, PCMU])
@pytest.mark.parametrize("hears", [PCM16, MIDDLE, NARROW, PCMU])
async def test_an_engine_hears_one_format_and_speaks_another(
    setup: Setup, hears: AudioFormat, speaks: AudioFormat
) -> None:
    begun(setup, hears, speaks)
    said = sine(440, 400, speaks.rate_hz)
    audio = encode(Law.PCMU, said) if speaks is PCMU else said.tobytes()
    setup.engine.on_event(AudioDelta("answer", 0, audio))
    setup.engine.on_event(AudioDone("answer"))
    caller = speech("caller")[4000 : 4000 + 160 * 50]
    for at in range(0, len(caller), 160):
        await setup.phone.talk(setup.port, 1, encode(Law.PCMU, caller[at : at + 160]))
    await setup.until(lambda: setup.bridge.heard_ms >= 1000)

    fed = b"".join(setup.engine.heard)
    assert setup.bridge.heard_ms == len(fed) // hears.bytes_per_ms
    if hears is PCMU:
        heard = decode(Law.PCMU, fed)
    else:
        heard = np.frombuffer(fed, "<i2")[:: hears.rate_hz // 8000]
    assert find(caller[:6400], heard).score > 0.98

    assert AudioPlayed("answer", 400) in setup.events
    wire = b"".join(bytes(packet.payload) for packet in setup.phone.packets())
    assert find(sine(440, 400, 8000), decode(Law.PCMU, wire)).score > 0.99


async def test_a_mark_comes_back_when_the_caller_has_heard_what_was_before_it(
    setup: Setup,
) -> None:
    begun(setup, PCMU, PCMU)
    setup.engine.on_event(PlayoutMark("nothing before it"))
    assert setup.engine.marks == [("nothing before it", True)]
    setup.engine.on_event(AudioDelta("answer", 0, bytes(8 * 110)))
    setup.engine.on_event(PlayoutMark("answered"))
    await asyncio.sleep(0.05)
    assert len(setup.engine.marks) == 1
    await setup.until(lambda: len(setup.engine.marks) == 2)
    await asyncio.sleep(0.01)  # on its way
    wire = b"".join(bytes(packet.payload) for packet in setup.phone.packets())
    assert wire.count(0) == 8 * 110, "all of it, the half frame included"
    assert setup.engine.marks[1] == ("answered", True)


async def test_marks_before_the_call_is_answered_wait_for_their_audio(setup: Setup) -> None:
    setup.engine.on_event(EngineInUse("one", PCMU, "s1", "first"))
    setup.engine.on_event(AudioDelta("greeting", 0, bytes(8 * 100)))
    setup.engine.on_event(PlayoutMark("greeted"))
    await asyncio.sleep(0.3)
    assert setup.engine.marks == []
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()
    await setup.until(lambda: setup.engine.marks == [("greeted", True)])


async def test_M5_what_is_dropped_tells_its_marks_at_once(setup: Setup) -> None:
    begun(setup, PCMU, PCMU)
    for name in ("one", "two", "three"):
        setup.engine.on_event(AudioDelta("answer", 0, bytes(8 * 100)))
        setup.engine.on_event(PlayoutMark(name))
    await setup.until(lambda: bool(setup.engine.marks))
    setup.engine.on_event(DropAudio())
    assert setup.engine.marks == [("one", True), ("two", False), ("three", False)]
    (cut,) = [event for event in setup.events if isinstance(event, Interrupted)]
    assert cut.played_ms + cut.dropped_ms == 300
