"""Transfers by a second leg are one at a time, as those by REFER are."""

from __future__ import annotations

import asyncio

from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.steer.transfer import CallTransfer

SUPPORT = "sip:support@pbx.example"


class Legs:
    """It stands in for the second leg: one that rings until the test says more."""

    def __init__(self) -> None:
        self.up = False
        self.targets: list[str] = []
        self.outcome: asyncio.Future[TransferOutcome] = asyncio.get_running_loop().create_future()

    def make(self, target: str) -> Legs:
        self.targets.append(target)
        self.up = True
        return self

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
