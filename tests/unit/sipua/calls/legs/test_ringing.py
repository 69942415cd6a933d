"""Several legs that ring at once: one is joined, and each of the others ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.dial import DialTimes
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.legs.ringing import Ringing, RingOutcome
from sipua.events import call_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.session.traffic import Traffic
from sipua.sip.messages import CallConfirmed, CallEnded, CallInvited, CallProgress, EndedBy, Hangup

pytestmark = pytest.mark.usefixtures("virtual_clock")

NAMES = {"b1": "anna", "b2": "ben", "b3": "cleo"}


class Leg:
    def __init__(self) -> None:
        self.closed = False

    def before_answer(self) -> None:
        """No early senders."""

    def start(self) -> None:
        """The ACK is in."""

    def close(self) -> None:
        self.closed = True

    def traffic(self) -> Traffic:
        return Traffic()


class Call:
    def __init__(self) -> None:
        self.call_id = "c-test"
        self.faults = FaultOwner()
        self.sent: list[Any] = []
        self.told: list[Event] = []
        self.ended: list[Reason] = []
        self.aside: list[bool] = []
        self.legs: dict[str, Leg] = {}
        self.given_back: list[str] = []
        self.through = SimpleNamespace(
            joint=None, join=lambda leg, _: self.aside.append(True), part=lambda: None
        )
        self.bridge = SimpleNamespace(
            through=self.through,
            set_aside=self.aside.append,
            leg=SimpleNamespace(another=self._another),
        )
        self.answered: list[tuple[str, dict[str, str]]] = []
        self.ringing = Ringing(
            self,  # type: ignore[arg-type]
            {name: (leg, f"sip:{name}@pbx") for leg, name in NAMES.items()},
            account="",
            times=DialTimes(ring_s=20, settle_s=3),
            hold_sound=None,
            media_plan=lambda _media: None,  # type: ignore[arg-type,return-value]
            on_answered=lambda name, failed: self.answered.append((name, dict(failed))),
        )
        self.outcome = asyncio.create_task(self.ringing.run())

    def _another(self, local: Any, on_rtp: Callable[..., None]) -> Leg:
        return Leg()

    def send(self, order: Any) -> None:
        self.sent.append(order)

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        self.ended.append(reason)

    async def rings(self) -> None:
        await asyncio.sleep(0)
        assert [order.leg_id for order in self.sent if isinstance(order, PlaceLeg)] == list(NAMES)
        for leg in NAMES:
            held = ExitStack()
            held.callback(self.given_back.append, leg)
            self.ringing.take(leg, None, held)  # type: ignore[arg-type]
            self.ringing.on_signal(CallProgress(leg, 180, "Ringing"))

    def answers(self, leg: str) -> None:
        self.ringing.on_signal(CallConfirmed(leg))

    def ends(self, leg: str, status: int = 486, by: EndedBy = EndedBy.PEER) -> None:
        self.ringing.on_signal(CallEnded(leg, by, status, "Busy Here"))

    def hung_up(self) -> list[str]:
        return [order.call_id for order in self.sent if isinstance(order, Hangup)]


async def test_the_first_answer_is_joined_and_the_others_are_called_off() -> None:
    call = Call()
    await call.rings()
    call.ends("b1")
    call.answers("b3")
    assert call.answered == [("cleo", {"anna": "busy"})]
    assert call.hung_up() == ["b2"]
    assert call.given_back == ["b1", "b2"]
    call.answers("b2")
    assert call.hung_up() == ["b2"], "its answer crossed the CANCEL: signalling ends it"
    assert not call.outcome.done(), "it may still hang up at once"
    assert await call.outcome == RingOutcome("cleo", True, {"anna": "busy"})
    assert call.ringing.up
    call.ends("b3", 200)
    assert call.ended == [Reason.TARGET_HANGUP]
    assert call.given_back == ["b1", "b2", "b3"]
    assert not call.ringing.up


async def test_a_leg_is_told_with_the_trunk_that_it_has_gone_out_by() -> None:
    call = Call()
    await call.rings()
    call.ringing.on_signal(CallInvited("b2", "x@edge", account="carrier-two"))
    (leg,) = (event for event in call.told if isinstance(event, call_events.Leg))
    assert (leg.account, leg.sip_call_id) == ("carrier-two", "x@edge")
    for one in NAMES:
        call.ends(one)
    await call.outcome


async def test_nobody_is_reached() -> None:
    call = Call()
    await call.rings()
    call.ends("b1", 486)
    call.ends("b2", 603)
    outcome = await call.outcome
    assert outcome == RingOutcome(
        "", False, {"anna": "busy", "ben": "rejected", "cleo": "no_answer"}
    )
    assert call.hung_up() == ["b3"], "CANCEL, when it has rung for long enough"
    assert call.given_back == ["b1", "b2", "b3"]
    assert call.answered == []


async def test_who_answers_and_hangs_up_at_once_has_not_stayed() -> None:
    call = Call()
    await call.rings()
    call.answers("b1")
    call.ends("b1", 200)
    outcome = await call.outcome
    assert (outcome.answered, outcome.stayed) == ("anna", False)
    assert call.aside[-1] is False, "the caller is ours again"
    assert call.ended == []


async def test_the_caller_leaves_while_they_ring() -> None:
    call = Call()
    await call.rings()
    call.ringing.on_caller_left()
    assert call.hung_up() == list(NAMES)
    assert await call.outcome == RingOutcome()
    assert call.given_back == list(NAMES)


async def test_the_caller_leaves_who_has_talked() -> None:
    call = Call()
    await call.rings()
    call.answers("b2")
    call.ringing.on_caller_left()
    assert (await call.outcome).stayed
    assert call.hung_up() == ["b1", "b3", "b2"]


async def test_given_up_all_end() -> None:
    call = Call()
    await call.rings()
    call.outcome.cancel()
    await asyncio.wait([call.outcome])
    assert call.hung_up() == list(NAMES)
    assert not call.ringing.up
    late = ExitStack()
    late.callback(call.given_back.append, "late")
    call.ringing.take("b1", None, late)  # type: ignore[arg-type]
    assert call.given_back[-1] == "late"


async def test_a_leg_for_which_there_is_no_room() -> None:
    call = Call()
    await call.rings()
    call.ends("b1", 503, EndedBy.US)
    call.ends("b2", 0, EndedBy.NETWORK)
    call.ends("b3", 500, EndedBy.US)
    assert (await call.outcome).failed == {
        "anna": "limit",
        "ben": "unreachable",
        "cleo": "internal",
    }
