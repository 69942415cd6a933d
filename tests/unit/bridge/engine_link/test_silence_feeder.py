"""Silence for an engine whose time is the audio that it is given."""

import asyncio

import pytest

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.engine_link.silence_feeder import GRACE_STEPS, STEP_MS, SilenceFeeder
from sipua.bridge.fault_owner import FaultOwner

pytestmark = pytest.mark.usefixtures("virtual_clock")

SILENCE = {AudioFormat.PCMU: 0xFF, AudioFormat.PCMA: 0xD5}


@pytest.mark.parametrize("form", list(AudioFormat))
async def test_it_is_silence_of_its_time_in_the_engines_format(form: AudioFormat) -> None:
    fed: list[bytes] = []
    feeder = SilenceFeeder(fed.append, form, FaultOwner())
    feeder.start()
    await asyncio.sleep(1.0)
    feeder.stop()
    assert sum(map(len, fed)) == feeder.fed_ms * form.bytes_per_ms
    assert feeder.fed_ms in (1000, 1100)
    assert set(b"".join(fed)) == {SILENCE.get(form, 0)}


async def test_not_between_two_words() -> None:
    fed: list[bytes] = []
    feeder = SilenceFeeder(fed.append, AudioFormat.PCM16_16K, FaultOwner())
    feeder.start()
    await asyncio.sleep(0.01)
    fed.clear()
    for _ in range(10):
        feeder.fed()
        await asyncio.sleep(STEP_MS * GRACE_STEPS / 1000 - 0.01)
    feeder.stop()
    assert fed == []
