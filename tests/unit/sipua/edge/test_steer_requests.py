from __future__ import annotations

import asyncio

import pytest

from sipua.calls.steer.commands import (
    Command,
    Done,
    HangUp,
    Hold,
    Mute,
    PressKeys,
    Say,
    Transfer,
)
from sipua.edge.calls.steer_requests import MOST_OF_ONE_CALL, SteerRequests, longest_s
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import Steer, Steered

pytestmark = pytest.mark.usefixtures("virtual_clock")

CALL = "c-22222222"
MUTE = Mute("agent", True)


class Asking:
    def __init__(self) -> None:
        self.requests = SteerRequests()
        self.sent: list[Steer] = []

    def ask(self, command: Command = MUTE, call_id: str = CALL) -> asyncio.Task[Done]:
        asked = self.requests.ask(call_id, command, "ops", self.sent.append)
        return asyncio.get_running_loop().create_task(asked)


async def test_each_gets_its_own_outcome() -> None:
    asking = Asking()
    first, second = asking.ask(), asking.ask(HangUp("enough"))
    await asyncio.sleep(0)
    numbers = [message.request for message in asking.sent]
    assert asking.requests.answered(Steered(numbers[1], CALL, Done("accepted"))) == HangUp("enough")
    assert asking.requests.answered(Steered(numbers[0], CALL, Done("done"))) == MUTE
    assert [(await first).status, (await second).status] == ["done", "accepted"]
    assert [message.by for message in asking.sent] == ["ops", "ops"]


async def test_a_command_that_is_wrong_is_not_sent() -> None:
    asking = Asking()
    assert (await asking.ask(PressKeys("x"))).status == "invalid"
    assert (await asking.ask(Say("half of a pair: \ud83d"))).status == "invalid"
    assert asking.sent == []


async def test_an_answer_of_another_call_is_none() -> None:
    asking = Asking()
    asked = asking.ask()
    await asyncio.sleep(0)
    number = asking.sent[0].request
    assert asking.requests.answered(Steered(number, "c-other", Done("done"))) is None
    assert (await asked).status == "timeout"
    assert asking.requests.answered(Steered(number, CALL, Done("done"))) is None  # too late


async def test_only_so_many_of_one_call_wait() -> None:
    asking = Asking()
    waiting = [asking.ask() for _ in range(MOST_OF_ONE_CALL)]
    await asyncio.sleep(0)
    assert (await asking.ask()).status == "busy"
    other = asking.ask(call_id="c-other")
    await asyncio.sleep(0)
    assert len(asking.sent) == MOST_OF_ONE_CALL + 1
    asking.requests.over(CALL)
    assert {(await one).status for one in waiting} == {"no_call"}
    assert not other.done()
    assert (await other).status == "timeout"


async def test_a_link_that_is_full() -> None:
    def full(_message: Steer) -> None:
        raise LinkError("Steer: 256 messages wait")

    done = await SteerRequests().ask(CALL, MUTE, "ops", full)
    assert (done.status, done.detail) == ("busy", "Steer: 256 messages wait")


async def test_one_that_is_given_up_leaves_nothing() -> None:
    asking = Asking()
    asked = asking.ask()
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert asking.requests._waiting == {}


def test_what_waits_for_the_other_side_may_take_longer() -> None:
    assert longest_s(MUTE) < longest_s(Hold(True))
    assert longest_s(Transfer("100")) < longest_s(Transfer("100", wait=True))
