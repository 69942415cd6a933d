"""Transfers by a second leg: one at a time, and the targets of a destination in turn."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.outcome import Cause, TransferOutcome, failed
from sipua.calls.legs.targets import Asked, Destination, TransferSettings
from sipua.calls.steer.transfer import CallTransfer
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import (
    CallCommand,
    Transfer,
)
from sipua.sip.wire.transfer_messages import TransferDone, TransferFailed, TransferProgress

SUPPORT = "sip:support@pbx.example"


class Legs:
    """It stands in for the second leg: one that rings until the test says more."""

    def __init__(self) -> None:
        self.up = False
        self.targets: list[str] = []
        self.leaves: list[bool] = []
        self.leaves_path = False
        self.outcome: asyncio.Future[TransferOutcome] = asyncio.get_running_loop().create_future()

    def make(self, target: str, warm: Warm | None = None) -> Legs:
        self.targets.append(target if warm is None else f"{target} warm")
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
        settings=TransferSettings(mode="dial"),
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


SOUND = np.zeros(160, np.int16)
DESK = Destination(("200", "201", "202"), "warm", Warm(SOUND, SOUND, SOUND))


class InTurn:
    """Each leg ends as it stands here."""

    def __init__(self, *causes: Cause | None) -> None:
        self.up = False
        self.causes = list(causes)
        self.targets: list[str] = []

    def make(self, target: str, warm: Warm | None = None) -> InTurn:
        self.targets.append(target.partition("@")[0] + (" warm" if warm else ""))
        return self

    def leave(self, on: bool) -> str:
        return ""

    async def run(self) -> TransferOutcome:
        cause = self.causes.pop(0)
        return TransferOutcome(cause is None, 200, "", cause, mode="warm")


@pytest.mark.parametrize(
    ("causes", "tried", "outcome"),
    [
        (["busy", "declined", None], 3, None),
        ([None], 1, None),
        (["accept_timeout", "voicemail", "no_answer"], 3, "no_answer"),
        (["caller_left"], 1, "caller_left"),
        (["limit"], 1, "limit"),
    ],
)
async def test_the_targets_of_a_destination_are_tried_in_turn(
    causes: list[Cause | None], tried: int, outcome: Cause | None
) -> None:
    legs = InTurn(*causes)
    transfer = CallTransfer(
        "c-test",
        "pbx.example",
        lambda _command: None,
        lambda _event: None,
        settings=TransferSettings(destinations={"desk": DESK}),
        legs=legs,  # type: ignore[arg-type]
    )
    done = await transfer.run(Asked("200", "desk"))
    assert legs.targets == ["sip:200 warm", "sip:201 warm", "sip:202 warm"][:tried]
    assert (done.ok, done.cause) == (outcome is None, outcome)


async def test_the_mode_of_one_transfer_may_be_another() -> None:
    legs = InTurn(None, None)
    transfer = CallTransfer(
        "c-test",
        "pbx.example",
        lambda _command: None,
        lambda _event: None,
        settings=TransferSettings(mode="dial", warm=DESK.warm, destinations={"desk": DESK}),
        legs=legs,  # type: ignore[arg-type]
    )
    await transfer.run(Asked("200", "desk", "dial"))
    await transfer.run(Asked("sip:300@pbx.example", mode="warm"))
    assert legs.targets == ["sip:200", "sip:300 warm"]


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
        settings=TransferSettings(mode="dial"),
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
        settings=TransferSettings(mode="dial"),
        legs=legs,  # type: ignore[arg-type]
    )
    legs.outcome.set_result(failed(486, "Busy Here", mode="dial"))
    assert not (await transfer.run(SUPPORT)).ok
    assert sent == legs.leaves == []
