"""What a caller hears of us before its call is answered, and what the engine hears of it."""

from dataclasses import replace

import numpy as np
import pytest

from sipua.calls.opening import Placing
from sipua.sip.messages import Answer, BeHeard, CallConfirmed, MediaReady
from support.calls.call_story import FACTS, LIMITS, MEDIA, PROFILE, Story

TONE = np.ones(160, np.int16)
EARLY = replace(LIMITS, early_media=TONE)


def media(story: Story) -> None:
    story.call.on_sip(MediaReady("c-test", MEDIA))


async def test_the_tone_until_the_answer_and_the_agent_from_the_ack_on() -> None:
    story = Story(limits=EARLY)
    await story.settle()
    bridge = story.bridge
    assert story.sent == [BeHeard("c-test")]
    assert bridge.hears, "there is no media yet"
    media(story)
    assert bridge.steps == ["early"]
    assert (bridge.sound is TONE, bridge.screen.waits, bridge.hears) == (True, True, False)
    media(story)  # an UPDATE of the caller's
    assert bridge.steps == ["early"]
    bridge.ready.set()
    await story.settle()
    assert story.sent[1:] == [Answer("c-test")]
    assert (bridge.sound, bridge.screen.waits, bridge.hears) == (None, True, False)
    story.call.on_sip(CallConfirmed("c-test"))
    assert (bridge.screen.waits, bridge.hears) == (False, True)
    assert bridge.steps[-1] == "start"
    await story.end()


@pytest.mark.parametrize("profile", [PROFILE, replace(PROFILE, answer="at_once")])
async def test_without_it_and_where_the_answer_comes_at_once_there_is_none(
    profile: object,
) -> None:
    limits = LIMITS if profile is PROFILE else EARLY
    story = Story(profile, limits=limits)  # type: ignore[arg-type]  # as parametrized
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Answer("c-test")]
    await story.confirm()
    assert "early" not in story.bridge.steps
    await story.end()


async def test_media_that_comes_with_the_answer_is_no_early_media() -> None:
    """The INVITE had no offer: the answer to ours comes with the ACK."""
    story = Story(limits=EARLY)
    story.bridge.ready.set()
    await story.settle()
    await story.confirm()
    assert "early" not in story.bridge.steps
    assert not story.bridge.screen.waits
    assert story.bridge.sound is None, "what was asked for while it rang is not wanted any more"
    await story.end()


async def test_an_answer_before_our_first_step_leaves_the_engine_its_ears() -> None:
    """A worker that is late reads the order and the answer in one go."""
    story = Story(opening=Placing(), facts=replace(FACTS, direction="outgoing"))
    story.call.media.early.confirmed()
    await story.settle()
    media(story)
    assert story.bridge.hears
    await story.end()


async def test_what_comes_before_the_answer_of_our_call_is_not_for_the_engine() -> None:
    story = Story(opening=Placing(), facts=replace(FACTS, direction="outgoing"))
    await story.settle()
    media(story)
    assert not story.bridge.hears
    await story.talk()
    assert story.bridge.hears
    assert "early" not in story.bridge.steps
    await story.end()


async def test_a_target_is_heard_once_the_caller_hears_us() -> None:
    story = Story()
    await story.settle()
    early = story.call.media.early
    assert not early.reaches_caller()
    assert not early.reaches_caller()
    assert story.sent == [BeHeard("c-test")], "asked for once"
    media(story)
    assert early.reaches_caller()
    await story.talk()
    assert early.reaches_caller()
    await story.end()
