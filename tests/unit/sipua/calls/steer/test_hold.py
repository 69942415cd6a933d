from __future__ import annotations

import asyncio

import pytest

from sipua.calls.steer.hold import ANSWERED_WITHIN_S, MOST_TRIES, OurHold, glare_pause_s
from sipua.sip.messages import CallCommand, HoldDone, HoldRefused, SetHold

pytestmark = pytest.mark.usefixtures("virtual_clock")

CALL = "c-22222222"


class Peer:
    """Answers each re-INVITE by the next of its statuses; 0: never."""

    def __init__(self, *statuses: int, call_id_is_ours: bool = False) -> None:
        self.statuses = list(statuses)
        self.asked: list[tuple[float, SetHold]] = []
        self.on_when_told: list[bool] = []
        self.hold = OurHold(CALL, self.send, call_id_is_ours=call_id_is_ours, random=lambda: 0.5)

    def send(self, command: CallCommand) -> None:
        assert isinstance(command, SetHold)
        loop = asyncio.get_running_loop()
        self.asked.append((round(loop.time(), 2), command))
        status = self.statuses.pop(0)
        if status == 200:
            loop.call_later(0.1, self._tell, HoldDone(CALL, command.on))
        elif status:
            loop.call_later(0.1, self._tell, HoldRefused(CALL, command.on, status, "words"))

    def _tell(self, news: HoldDone | HoldRefused) -> None:
        self.on_when_told.append(self.hold.on)
        self.hold.on_news(news)


async def test_it_is_on_before_the_outcome_is_told() -> None:
    """The media is: its direction must be known for ours."""
    peer = Peer(200, 200)
    assert (await peer.hold.set(True)).ok
    assert peer.hold.on
    assert (await peer.hold.set(False)).ok
    assert not peer.hold.on
    assert peer.on_when_told == [True, False]
    assert [command.on for _, command in peer.asked] == [True, False]


async def test_a_refusal_leaves_it_as_it_was() -> None:
    peer = Peer(488, 200, 500)
    refused = await peer.hold.set(True)
    assert (refused.ok, refused.status, refused.reason) == (False, 488, "words")
    assert not peer.hold.on
    assert (await peer.hold.set(True)).ok
    assert not (await peer.hold.set(False)).ok
    assert peer.hold.on


@pytest.mark.parametrize(("ours", "pause_s"), [(True, 3.05), (False, 1.0)])
async def test_after_glare_it_is_sent_again(ours: bool, pause_s: float) -> None:
    peer = Peer(491, 200, call_id_is_ours=ours)
    assert (await peer.hold.set(True)).ok
    (first, _), (second, _) = peer.asked
    assert second - first == pytest.approx(0.1 + pause_s, abs=0.02)


async def test_glare_without_end_is_a_refusal() -> None:
    peer = Peer(*[491] * MOST_TRIES)
    assert (await peer.hold.set(True)).status == 491
    assert len(peer.asked) == MOST_TRIES
    assert not peer.hold.on
    assert not peer.hold.under_way


def test_rfc3261_14_1_the_pauses_never_overlap() -> None:
    drawn = [number / 100 for number in range(101)]
    ours = [glare_pause_s(call_id_is_ours=True, drawn=one) for one in drawn]
    theirs = [glare_pause_s(call_id_is_ours=False, drawn=one) for one in drawn]
    assert (min(ours), max(ours)) == (2.1, 4.0)
    assert (min(theirs), max(theirs)) == (0.0, 2.0)


async def test_no_answer_at_all() -> None:
    peer = Peer(0)
    began = asyncio.get_running_loop().time()
    outcome = await peer.hold.set(True)
    assert (outcome.ok, outcome.status) == (False, 0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(ANSWERED_WITHIN_S, abs=1)
    peer.hold.on_news(HoldDone(CALL, True))  # too late: it has no reader


async def test_the_call_ends_meanwhile() -> None:
    peer = Peer(0)
    asked = asyncio.create_task(peer.hold.set(True))
    await asyncio.sleep(0.1)
    assert peer.hold.under_way
    peer.hold.on_ended()
    assert (await asked).reason == "the call is over"
    assert not peer.hold.under_way
