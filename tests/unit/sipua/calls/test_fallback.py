"""M1, M2: no engine is left. Each step of the chain, before the answer and in mid-call."""

import asyncio
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.events import EngineGone
from sipua.calls.opening import NoSlot, Placing
from sipua.calls.profile import AgentProfile, Prompt, Refuse, Step, TransferTo
from sipua.sip.messages import (
    Answer,
    EndedBy,
    Hangup,
    Transfer,
)
from sipua.sip.wire.transfer_messages import TransferDone, TransferFailed, TransferProgress
from support.calls.call_story import FACTS, PROFILE, Story

ANSWER = Answer("c-test")
SUPPORT = "sip:100@pbx.example"
GONE = EngineGone("openai_realtime", "connection lost: 1006")


def steps(*which: Step) -> AgentProfile:
    return replace(PROFILE, steps=which)


async def refused(profile: AgentProfile, peer: str = "") -> Story:
    """A call whose engine cannot be reached."""
    story = Story(profile, facts=replace(FACTS, peer=peer))
    story.bridge.error = EngineConnectError("unauthorized", "wrong key", status=401)
    story.bridge.ready.set()
    await story.settle()
    return story


async def deserted(profile: AgentProfile) -> Story:
    """A call that talks, and whose engine goes away for good."""
    story = Story(profile)
    await story.talk()
    story.sent.clear()
    story.bridge.on_event(GONE)
    await story.settle()
    return story


async def test_M1_without_steps_it_is_the_engines_status() -> None:
    story = await refused(replace(PROFILE, failure_status=480))
    assert story.sent == [Hangup("c-test", 480)]
    await story.end(EndedBy.US)


async def test_M2_without_steps_the_caller_hears_the_built_in_prompt_and_then_bye() -> None:
    story = await deserted(PROFILE)
    assert story.bridge.steps[-1] == "play: sorry"
    assert story.bridge.played > 8000
    assert story.sent == []
    story.bridge.has_played("sorry")
    await story.settle()
    assert story.sent == [Hangup("c-test", 503)]
    await story.end(EndedBy.US)


@pytest.mark.parametrize(
    ("profile", "status"), [(PROFILE, 486), (replace(PROFILE, steps=(Refuse(480),)), 480)]
)
async def test_without_a_slot_the_engine_is_not_asked(profile: AgentProfile, status: int) -> None:
    """486: a 503 would tell the peer to call this edge no more for a while."""
    story = Story(profile, opening=NoSlot("fast"))
    await story.settle()
    assert story.sent == [Hangup("c-test", status)]
    assert story.bridge.steps == []
    await story.end(EndedBy.US)
    assert story.call.summary.endswith("engine fast: its max_calls are up")


async def test_M1_a_status() -> None:
    story = await refused(steps(Refuse(486)))
    assert story.sent == [Hangup("c-test", 486)]
    await story.end(EndedBy.US)


async def test_M1_a_prompt_is_answered_for_and_heard_whole_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "closed.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(3200))
    story = await refused(steps(Prompt(path)))
    assert story.sent == [ANSWER]
    assert "play: closed" not in story.bridge.steps, "nobody would hear it before the ACK"
    await story.confirm()
    assert story.bridge.steps[-1] == "play: closed"
    assert story.bridge.played == 1600
    story.bridge.has_played("another")
    await story.settle()
    assert story.sent == [ANSWER]
    story.bridge.has_played("closed")
    await story.settle()
    assert story.sent == [ANSWER, Hangup("c-test", 503)]
    await story.end(EndedBy.US)


async def test_M1_a_transfer_before_the_answer_is_a_redirection() -> None:
    story = await refused(steps(TransferTo(SUPPORT), Refuse(500)))
    assert story.sent == [Hangup("c-test", 302, contact=SUPPORT)]
    await story.end(EndedBy.US)


async def test_M1_a_number_is_one_of_the_peers() -> None:
    story = await refused(steps(TransferTo("201"), Refuse(500)), peer="10.0.0.1")
    assert story.sent == [Hangup("c-test", 302, contact="sip:201@10.0.0.1")]
    await story.end(EndedBy.US)


async def test_M1_a_prompt_and_then_a_transfer() -> None:
    story = await refused(steps(Prompt(), TransferTo(SUPPORT)))
    await story.confirm()
    story.bridge.has_played("sorry")
    await story.settle()
    assert story.sent == [ANSWER, Transfer("c-test", SUPPORT)]
    story.call.on_sip(TransferProgress("c-test", 100, "Trying"))
    story.call.on_sip(TransferDone("c-test", 200, "OK"))
    await story.settle()
    assert story.sent[2:] == [Hangup("c-test", 0)]
    await story.end(EndedBy.US)


async def test_M2_a_transfer_that_fails_leads_to_the_next_step() -> None:
    story = await deserted(steps(TransferTo(SUPPORT), Refuse(486)))
    assert story.sent == [Transfer("c-test", SUPPORT)]
    story.call.on_sip(TransferFailed("c-test", 603, "Decline"))
    await story.settle()
    assert story.sent[1:] == [Hangup("c-test", 486)]
    await story.end(EndedBy.US)


async def test_M2_an_engine_that_goes_away_twice_is_missed_once() -> None:
    story = await deserted(steps(Refuse(486)))
    story.bridge.on_event(GONE)
    await story.settle()
    assert len(story.sent) == 1
    await story.end(EndedBy.US)


async def test_M2_a_caller_who_hangs_up_during_the_prompt_ends_everything() -> None:
    story = await deserted(PROFILE)
    await story.end(EndedBy.PEER)
    assert story.sent == []


async def test_M2_an_engine_that_goes_away_while_the_call_ends_is_nobodys_loss() -> None:
    story = Story()
    await story.talk()

    async def last_words() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            story.bridge.on_event(GONE)

    story.call.start(last_words(), "last words")
    await story.settle()
    await story.end(EndedBy.PEER)
    assert story.bridge.steps[-1] == "close"
    assert not story.call.engine_missed


@pytest.mark.parametrize("chain", [(), (Prompt(),), (TransferTo(SUPPORT),)])
async def test_M1_whoever_has_not_answered_our_call_is_not_bothered(
    chain: tuple[Step, ...],
) -> None:
    story = Story(
        steps(*chain),
        opening=Placing(),
        facts=replace(FACTS, direction="outgoing"),
    )
    story.bridge.error = EngineConnectError("timeout", "nobody")
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Hangup("c-test", 0)]
    await story.end(EndedBy.US)
