"""Passing a call on: one outcome, whatever the peer says, and never another target than ours."""

import asyncio

import pytest

from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.steer import transfer as call_transfer
from sipua.calls.steer.refer import target_uri
from sipua.config.values.uri import UriError
from sipua.sip.messages import (
    EndedBy,
    Hangup,
    Transfer,
)
from sipua.sip.wire.transfer_messages import (
    TransferDone,
    TransferFailed,
    TransferNews,
    TransferProgress,
)
from support.calls.call_story import Story

SUPPORT = "sip:100@pbx.example"
TRYING = TransferProgress("c-test", 100, "Trying")
RINGING = TransferProgress("c-test", 180, "Ringing")


async def begin() -> tuple[Story, asyncio.Task[TransferOutcome]]:
    story = Story()
    await story.talk()
    story.sent.clear()
    transfer = asyncio.create_task(story.call.transfer(SUPPORT))
    await story.settle()
    assert story.sent == [Transfer("c-test", SUPPORT)]
    return story, transfer


@pytest.mark.parametrize(
    ("news", "ok", "status"),
    [
        ([TRYING, RINGING, TransferDone("c-test", 200, "OK")], True, 200),
        ([TransferDone("c-test", 200, "Accepted")], True, 200),
        ([TRYING, TransferFailed("c-test", 486, "Busy Here")], False, 486),
        ([TransferFailed("c-test", 501, "Not Implemented")], False, 501),
        ([TRYING, TransferFailed("c-test", 100, "Trying")], False, 100),
    ],
)
async def test_outcomes(news: list[TransferNews], ok: bool, status: int) -> None:
    story, transfer = await begin()
    for item in news:
        assert not transfer.done()
        story.call.on_sip(item)
        await story.settle()
    outcome = await transfer
    assert (outcome.ok, outcome.status) == (ok, status)
    assert story.sent[1:] == ([Hangup("c-test", 0)] if ok else [])
    await story.end()


async def test_a_peer_that_hangs_up_with_the_target_has_taken_the_call() -> None:
    story, transfer = await begin()
    story.call.on_sip(TRYING)
    await story.end(EndedBy.PEER)
    assert (await transfer).ok


@pytest.mark.parametrize("by", [EndedBy.US, EndedBy.NETWORK])
async def test_a_call_that_we_end_meanwhile_was_not_passed_on(by: EndedBy) -> None:
    story, transfer = await begin()
    story.call.on_sip(TRYING)
    await story.end(by)
    assert (await transfer).status == 487


async def test_a_peer_that_hangs_up_without_an_answer_has_not() -> None:
    story, transfer = await begin()
    await story.end(EndedBy.PEER)
    assert (await transfer).status == 487


async def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_transfer, "TIMEOUT_S", 0.02)
    story, transfer = await begin()
    story.call.on_sip(TRYING)
    outcome = await transfer
    assert (outcome.ok, outcome.status) == (False, 408)
    assert len(story.sent) == 1
    story.call.on_sip(TransferDone("c-test", 200, "OK"))
    await story.settle()
    assert len(story.sent) == 1, "its word comes too late"
    await story.end()


async def test_T5_one_at_a_time_and_only_once_the_call_is_up() -> None:
    story = Story()
    assert (await story.call.transfer(SUPPORT)).status == 481
    await story.end()
    story, transfer = await begin()
    assert (await story.call.transfer("sip:200@pbx.example")).status == 491
    same = asyncio.create_task(story.call.transfer(SUPPORT))
    await story.settle()
    assert story.sent == [Transfer("c-test", SUPPORT)], "T5: it joins the one that is under way"
    story.call.on_sip(TransferFailed("c-test", 603, "Decline"))
    assert await transfer == await same
    second = asyncio.create_task(story.call.transfer(SUPPORT))
    await story.settle()
    assert story.sent == [Transfer("c-test", SUPPORT)] * 2
    second.cancel()
    await story.end()


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("sip:100@pbx.example:5080;transport=tcp", "sip:100@pbx.example:5080;transport=tcp"),
        ("sips:+4930123@carrier.example;user=phone", "sips:+4930123@carrier.example;user=phone"),
        ("sip:bob@[2001:db8::1]", "sip:bob@[2001:db8::1]"),
        ("+4930123456", "sip:+4930123456@10.0.0.1:5080"),
        ("tel:+4930123456", "sip:+4930123456@10.0.0.1:5080"),
        ("*21#", "sip:*21%23@10.0.0.1:5080"),
    ],
)
def test_targets(target: str, uri: str) -> None:
    assert target_uri(target, "10.0.0.1:5080") == uri


@pytest.mark.parametrize(
    "target",
    [
        "",
        "bob",
        "sip:pbx.example",
        "sip:100@pbx\r\nReplaces: x",
        "sip:100@pbx?Replaces=x",
        "sip:100@pbx>;x=<y",
        "sip:100@pbx;a b",
        "sip:100@",
        'sip:"x"@pbx',
        "http://pbx",
        "1" * 33,
    ],
)
async def test_what_is_no_target(target: str) -> None:
    with pytest.raises(UriError):
        target_uri(target, "pbx")
    story = Story()
    await story.talk()
    story.sent.clear()
    assert (await story.call.transfer(target)).status == 416
    assert story.sent == []
    await story.end()
