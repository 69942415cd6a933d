"""The recogniser as a child process; mostly a stand-in, which repeats how much it was given."""

import asyncio
import sys

import numpy as np
import pytest

from sipua.bridge.agent.speech import recogniser_client as listener_module
from sipua.bridge.agent.speech.formats import PCM, PCMU, Clip
from sipua.bridge.agent.speech.recogniser_client import (
    COMMAND,
    LONGEST_MS,
    MAX_WAITING,
    RecogniserClient,
    RecogniserError,
)
from support.engine.recogniser import running
from support.media.audio import resample, silence, speech

STAND_IN = """
import json, sys, time
source = sys.stdin.buffer
setup = json.loads(source.readline())
words = ""
while True:
    print(json.dumps({"words": words}), flush=True)
    line = source.readline()
    if not line:
        break
    turn = json.loads(line)
    size = len(source.read(turn["size"]))
    if size == 2:
        sys.exit(1)
    if size == 4:
        time.sleep(60)
    words = f"{size} bytes at {turn['rate']} of {setup['words']}"
"""
COMMAND_OF_STAND_IN = (sys.executable, "-c", STAND_IN)


def stand_in() -> RecogniserClient:
    return RecogniserClient(("yes",), COMMAND_OF_STAND_IN)


def clip(size: int) -> Clip:
    return Clip(bytes(size), PCM, "")


async def test_turns_are_listened_to_one_after_the_other() -> None:
    async with running(stand_in()) as recogniser:
        words = await asyncio.gather(*(recogniser.words(clip(100 * n)) for n in range(1, 4)))
        assert words == [f"{100 * n} bytes at 24000 of ['yes']" for n in range(1, 4)]
        g711 = await recogniser.words(Clip(bytes(80), PCMU, ""))
        assert g711 == "160 bytes at 8000 of ['yes']"


async def test_a_long_turn_is_cut() -> None:
    async with running(stand_in()) as recogniser:
        words = await recogniser.words(clip(2 * LONGEST_MS * PCM.bytes_per_ms))
        assert words == f"{LONGEST_MS * PCM.bytes_per_ms} bytes at 24000 of ['yes']"


async def test_M7_too_many_turns_are_not_listened_to_and_counted() -> None:
    async with running(stand_in()) as recogniser:
        words = await asyncio.gather(*(recogniser.words(clip(100)) for _ in range(MAX_WAITING + 3)))
        assert sum(found is None for found in words) == recogniser.overflow == 3


async def test_a_recogniser_that_died_is_started_again() -> None:
    async with running(stand_in()) as recogniser:
        assert await recogniser.words(clip(2)) is None
        assert await recogniser.words(clip(100)) == "100 bytes at 24000 of ['yes']"
        assert recogniser.restarts == 1


async def test_M7_a_recogniser_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "TURN_S", 0.2)
    async with running(stand_in()) as recogniser:
        assert await recogniser.words(clip(4)) is None
        monkeypatch.setattr(listener_module, "TURN_S", 20)
        assert await recogniser.words(clip(100)) == "100 bytes at 24000 of ['yes']"


async def test_who_hangs_up_meanwhile_leaves_no_half_exchange_behind() -> None:
    async with running(stand_in()) as recogniser:
        gone = asyncio.create_task(recogniser.words(clip(300)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.cancel()
        assert await recogniser.words(clip(100)) == "100 bytes at 24000 of ['yes']"
        assert recogniser.restarts == 0


async def test_a_recogniser_that_does_not_start_is_an_error() -> None:
    with pytest.raises(RecogniserError, match="did not start"):
        await RecogniserClient((), (sys.executable, "-c", "")).start()


async def test_the_real_one_understands_a_phone_call() -> None:
    pcm = np.concatenate((silence(300), speech("operator"), silence(500)))
    said = Clip(resample(pcm, 8000, 24_000).astype("<i2").tobytes(), PCM, "")
    async with running(RecogniserClient(("yes", "operator", "goodbye"), COMMAND)) as recogniser:
        assert await recogniser.words(said) == "operator"
