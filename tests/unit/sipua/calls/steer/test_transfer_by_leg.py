"""Transfers by a second leg are one at a time, as those by REFER are."""

from __future__ import annotations

import asyncio

import pytest

from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.steer.transfer import CallTransfer
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import (
    CallCommand,
    Transfer,
    TransferDone,
    TransferFailed,
    TransferProgress,
)

SUPPORT = "sip:support@pbx.example"


class Legs:
    """It stands in for the second leg: one that rings until the test says more."""

    def __init__(self) -> None:
        self.up = False
        self.targets: list[str] = []
        self.leaves: list[bool] = []
        self.leaves_path = False
        self.outcome: asyncio.Future[TransferOutcome] = asyncio.get_running_loop().create_future()

    def make(self, target: str) -> Legs:
        self.targets.append(target)
        self.up = True
        return self

    def leave(self, on: bool) -> str:
        self.leaves.append(on)
        return "c-test.b1" if self.leaves_path else ""

    async def run(self) -> TransferOutcome:
        return await self.outcome


async def test_T5_the_same_target_joins_and_another_is_refused() -> None:
    legs = Legs()
    transfer = CallTransfer(
        "c-test",
        "pbx.example",
        lambda _command: None,
        lambda _event: None,
        mode="dial",
        legs=legs,  # type: ignore[arg-type]
    )
    first = asyncio.create_task(transfer.run(SUPPORT))
    await asyncio.sleep(0)
    same = asyncio.create_task(transfer.run(SUPPORT))
    assert (await transfer.run("sip:200@pbx.example")).status == 491
    legs.outcome.set_result(TransferOutcome(ok=True, status=200, reason="OK", mode="dial"))
    assert (await first).ok
    assert await same == await first
    assert legs.targets == [SUPPORT]
    # Both talk: the leg is still up.
    assert (await transfer.run(SUPPORT)).status == 491


@pytest.mark.parametrize("taken_over", [True, False])
async def test_the_peer_is_asked_to_take_the_target_over_and_otherwise_nothing_changes(
    taken_over: bool,
) -> None:
    legs = Legs()
    sent: list[CallCommand] = []
    told: list[Event] = []
    legs.leaves_path = True
    transfer = CallTransfer(
        "c-test",
        "pbx.example",
        sent.append,
        told.append,
        mode="dial",
        legs=legs,  # type: ignore[arg-type]
    )
    done = asyncio.create_task(transfer.run(SUPPORT))
    joined = TransferOutcome(ok=True, status=200, reason="joined", mode="dial")
    legs.outcome.set_result(joined)
    async with asyncio.timeout(5):
        while not sent:
            await asyncio.sleep(0)
    assert sent == [Transfer("c-test", SUPPORT, "c-test.b1")]
    assert [event.mode for event in told if isinstance(event, call_events.Transfer)] == [
        "dial",
        "attended",
    ]
    if taken_over:
        transfer.on_news(TransferProgress("c-test", 100, "Trying"))
        transfer.on_news(TransferDone("c-test", 200, "OK"))
    else:
        transfer.on_news(TransferFailed("c-test", 603, "Decline"))
    outcome = await done
    assert outcome.ok
    assert outcome.mode == ("refer" if taken_over else "dial")
    assert legs.leaves == ([True] if taken_over else [True, False])


async def test_a_target_that_was_not_reached_is_not_taken_over() -> None:
    legs = Legs()
    sent: list[CallCommand] = []
    legs.leaves_path = True
    transfer = CallTransfer(
        "c-test",
        "pbx.example",
        sent.append,
        lambda _event: None,
        mode="dial",
        legs=legs,  # type: ignore[arg-type]
    )
    legs.outcome.set_result(failed(486, "Busy Here", mode="dial"))
    assert not (await transfer.run(SUPPORT)).ok
    assert sent == legs.leaves == []
