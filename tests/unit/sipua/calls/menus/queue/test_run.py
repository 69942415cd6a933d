"""A queue in a call, without signalling, media or an edge: a test plays all three."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sipua.bridge.events import BridgeEvent
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.legs.ringing import RingOutcome
from sipua.calls.menus.menu import (
    Action,
    HangUp,
    Menu,
    Say,
    Sound,
    ToAgent,
    ToMenu,
    ToQueue,
    ToTarget,
)
from sipua.calls.menus.queue import lead, run
from sipua.calls.menus.queue.queue import Queue
from sipua.calls.parts.leaders import Leaders
from sipua.calls.steer import commands
from sipua.config.values.hours import hours
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.queue.orders import (
    JoinQueue,
    LeaveQueue,
    OfferEnded,
    QueueNews,
    QueueOffer,
    QueuePlace,
    QueueRefused,
    QueueTurn,
)
from sipua.rtp.events import Dtmf

pytestmark = pytest.mark.usefixtures("virtual_clock")

MUSIC = np.zeros(160, np.int16)
HINT = Sound("hint", np.zeros(8000, np.int16))
ID = "c-test"
OFFER = QueueOffer(ID, 7, {"anna": "sip:anna@pbx", "ben": "100"}, "", 20.0)
SUPPORT = Queue(
    "support",
    music=MUSIC,
    announcement=HINT,
    keys={"1": ToMenu("main"), "2": Say(HINT), "3": ToTarget("sip:1@pbx"), "9": HangUp()},
    max_wait_s=100,
    on_timeout=ToMenu("main"),
    on_full=Say(HINT),
)


class Ringing:
    def __init__(self, targets: Mapping[str, str], answered: Callable[..., None]) -> None:
        self.targets = targets
        self.answered = answered
        self.outcome: asyncio.Future[RingOutcome] = asyncio.get_running_loop().create_future()
        self.given_up = False

    async def run(self) -> RingOutcome:
        try:
            return await self.outcome
        except asyncio.CancelledError:
            self.given_up = True
            raise


class Call:
    """And its agents."""

    def __init__(self, queue: Queue = SUPPORT) -> None:
        self.call_id = ID
        self.log: list[str] = []
        self.sent: list[object] = []
        self.told: list[Event] = []
        self.ended: list[tuple[object, ...]] = []
        self.confirmed = asyncio.Event()
        self.on_hold = self.answered = False
        self.profile = SimpleNamespace(route="front")
        self.listeners: list[Callable[[BridgeEvent, float], None]] = []
        self.transferred = TransferOutcome(ok=False, status=486, reason="Busy Here")
        self.ringing: Ringing | None = None
        self.second = SimpleNamespace(ring=self._ring)
        self.bridge = SimpleNamespace(
            interruptible=True,
            fill=lambda pcm, asker: self.log.append("music" if pcm is MUSIC else "no music"),
            play=lambda name, pcm, *, interruptible: self.log.append(name) or "item",
            interrupt=lambda by: self.log.append(f"cut by {by}"),
        )
        # The agents:
        self.agents: Any = self
        self.menus: Mapping[str, Menu] = {}
        self.queues = {"support": queue}
        self.on_queue: Callable[[QueueNews], None] | None = None
        self.talking = True
        self.in_documents = self.dialling = self.put_through = False
        self.leaders = Leaders(self.start)
        self.changed: list[str] = []

    def facts(self) -> SimpleNamespace:
        return SimpleNamespace(peer="pbx.example")

    def send(self, order: object) -> None:
        self.sent.append(order)

    def answer(self) -> None:
        self.answered = True
        self.confirmed.set()

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, name=name)

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def transfer(self, target: str) -> TransferOutcome:
        self.log.append(f"transfer {target}")
        await asyncio.sleep(1)
        return self.transferred

    def hang_up(self, *why: object) -> None:
        self.ended.append(why)

    def note(self, event: str, fields: Mapping[str, Any]) -> None:
        assert event.startswith("queue.")

    async def change(self, route: str) -> None:
        self.changed.append(route)

    async def leave(self) -> None:
        self.talking = False

    async def lead(self, first: Action) -> None:
        await lead.run(self, first, mask=True, why=lead.CHOSEN)  # type: ignore[arg-type]

    def _ring(
        self, targets: Mapping[str, str], *, account: str, ring_s: float, on_answered: Any
    ) -> Ringing:
        self.ringing = Ringing(targets, on_answered)
        return self.ringing

    # --- what the test does -----------------------------------------------------------------

    async def join(self, *news: QueueNews) -> asyncio.Task[run.Way]:
        task = asyncio.create_task(run.run(self, self, ToQueue("support")))  # type: ignore[arg-type]
        await self.settle()
        await self.take(*news)
        return task

    async def take(self, *news: QueueNews) -> None:
        assert self.on_queue is not None
        for one in news:
            self.on_queue(one)
        await self.settle()

    async def press(self, key: str) -> None:
        for listener in tuple(self.listeners):
            listener(Dtmf(key, 100, inband=False), 0.0)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def types(self) -> list[str]:
        return [event.type.removeprefix("queue.") for event in self.told]

    @property
    def left(self) -> dict[str, Any]:
        assert self.on_queue is None
        assert self.listeners == []
        assert self.bridge.interruptible
        return self.told[-1].fields()


async def test_whose_turn_comes_at_once_is_not_answered_here() -> None:
    call = Call()
    task = await call.join(QueueTurn(ID))
    action, *_ = await task
    assert action == ToAgent("front"), "that of the route by which it came"
    assert call.sent == [JoinQueue(ID, "support", route="front")]
    assert not call.answered
    assert call.types() == ["joined", "connected", "left"]
    assert call.left == {
        "queue": "support",
        "reason": "served",
        "waited_ms": 0,
        "to": "agent front",
    }


async def test_who_waits_is_answered_and_hears_music_and_the_place() -> None:
    call = Call()
    task = await call.join(QueuePlace(ID, 2, 90.0))
    assert call.answered
    assert call.log == ["music", "queue:hint"]
    await asyncio.sleep(25)
    await call.take(QueuePlace(ID, 1))
    await asyncio.sleep(10)
    assert call.log == ["music", "queue:hint", "queue:hint"], "again after a while"
    await call.take(QueueTurn(ID))
    action, *_ = await task
    assert action == ToAgent("front")
    assert call.types() == ["joined", "position", "position", "connected", "left"]
    assert 34_000 <= call.left["waited_ms"] <= 36_500
    assert call.log[-1] == "no music"


async def test_a_full_queue_says_where_to_go() -> None:
    call = Call()
    action, why, _ = await (await call.join(QueueRefused(ID, "full")))
    assert action == Say(HINT)
    assert why == (Reason.QUEUE, "queue support: full")
    assert call.left["reason"] == "full"


async def test_an_edge_that_does_not_answer_is_no_reason_to_wait_for_ever() -> None:
    call = Call()
    task = await call.join()
    action, *_ = await task
    assert action == ToMenu("main")
    assert call.left["reason"] == "unknown"


async def test_a_key_leads_out() -> None:
    call = Call()
    task = await call.join(QueuePlace(ID, 1))
    await call.press("5")
    await call.press("2")
    assert call.log[-2:] == ["cut by caller", "queue:hint"], "a sound, and it waits on"
    await call.press("1")
    action, *_ = await task
    assert action == ToMenu("main")
    assert call.sent[-1] == LeaveQueue(ID)
    assert (call.left["reason"], call.left["key"], call.left["to"]) == ("key", "1", "menu main")


async def test_too_long() -> None:
    call = Call()
    task = await call.join(QueuePlace(ID, 1))
    action, *_ = await asyncio.wait_for(task, 101)
    assert action == ToMenu("main")
    assert call.left["reason"] == "timeout"
    assert call.sent[-1] == LeaveQueue(ID)


async def test_a_transfer_that_fails_costs_no_place() -> None:
    call = Call()
    task = await call.join(QueuePlace(ID, 1))
    await asyncio.sleep(9)
    await call.press("3")
    await asyncio.sleep(2)
    assert call.sent[1] == LeaveQueue(ID)
    back = call.sent[2]
    assert isinstance(back, JoinQueue)
    assert back.waited_s >= 10
    call.transferred = TransferOutcome(ok=True, status=200, reason="OK")
    await call.press("3")
    action, *_ = await asyncio.wait_for(task, 5)
    assert action is None
    assert call.left["to"] == "transfer sip:1@pbx"


async def test_the_caller_hangs_up() -> None:
    call = Call()
    task = await call.join(QueuePlace(ID, 1))
    await asyncio.sleep(3)
    task.cancel()
    await asyncio.wait([task])
    assert call.left["reason"] == "hangup"
    assert call.sent[-1] == LeaveQueue(ID)


async def test_a_member_answers_and_stays() -> None:
    call = Call()
    task = await call.join(OFFER, QueuePlace(ID, 1))
    assert call.log == ["music"], "no announcement while its turn may be now"
    assert call.ringing is not None
    assert call.ringing.targets == {"anna": "sip:anna@pbx", "ben": "sip:100@pbx.example"}
    await asyncio.sleep(4)
    call.ringing.answered("ben", {"anna": "busy"})
    assert call.sent[-1] == OfferEnded(ID, 7, "ben", {"anna": "busy"})
    await call.press("1")
    assert not task.done(), "keys are for the person now"
    await asyncio.sleep(3)
    call.ringing.outcome.set_result(RingOutcome("ben", True, {"anna": "busy"}))
    action, *_ = await task
    assert action is None
    assert call.types() == ["joined", "offered", "position", "connected", "left"]
    assert call.left["reason"] == "served"
    assert 3900 < call.left["waited_ms"] < 4500, "until the answer"
    assert LeaveQueue(ID) not in call.sent, "it is served"


async def test_nobody_answers_and_the_caller_waits_on() -> None:
    call = Call()
    await call.join(OFFER, QueuePlace(ID, 1))
    assert call.ringing is not None
    failed: Any = {"anna": "busy", "ben": "no_answer"}
    call.ringing.outcome.set_result(RingOutcome(failed=failed))
    await call.settle()
    assert call.sent[-1] == OfferEnded(ID, 7, "", failed)
    assert call.types()[-1] == "missed"
    first = call.ringing
    await call.take(QueueOffer(ID, 8, {"anna": "sip:anna@pbx"}, "", 20.0))
    assert call.ringing is not first


async def test_a_member_who_hangs_up_at_once_gives_the_caller_the_old_place() -> None:
    call = Call()
    task = await call.join(OFFER, QueuePlace(ID, 1))
    assert call.ringing is not None
    await asyncio.sleep(6)
    call.ringing.answered("anna", {})
    call.ringing.outcome.set_result(RingOutcome("anna", stayed=False))
    await call.settle()
    back = call.sent[-1]
    assert isinstance(back, JoinQueue)
    assert back.waited_s > 5
    assert call.log[-1] == "music"
    await call.press("1")
    await task
    assert call.left["reason"] == "key", "keys count again"


async def test_who_leaves_while_somebody_rings_calls_them_off() -> None:
    call = Call()
    task = await call.join(OFFER, QueuePlace(ID, 1))
    await call.press("9")
    await task
    await call.settle()
    assert call.ringing is not None
    assert call.ringing.given_up


async def test_a_call_that_ends_behind_the_answer_was_served() -> None:
    call = Call()
    task = await call.join(OFFER, QueuePlace(ID, 1))
    assert call.ringing is not None
    call.ringing.answered("ben", {})
    task.cancel()
    await asyncio.wait([task])
    assert call.left["reason"] == "served"


async def test_a_closed_queue_asks_nobody() -> None:
    never = hours("never", "UTC", [])
    call = Call(Queue("support", hours=never, closed=Say(HINT)))
    action, why, _ = await run.run(call, call, ToQueue("support"))  # type: ignore[arg-type]
    assert action == Say(HINT)
    assert why == (Reason.CLOSED, "queue support: closed")
    assert call.sent == []
    assert call.left["reason"] == "closed"


# --- from one to the next -----------------------------------------------------------------------


async def test_a_turn_gives_the_call_to_the_agent() -> None:
    call = Call()
    task = asyncio.create_task(
        lead.run(call, ToQueue("support", "sales", 3), mask=True, why=lead.CHOSEN)  # type: ignore[arg-type]
    )
    await call.settle()
    assert call.sent == [JoinQueue(ID, "support", 3, route="sales")]
    await call.take(QueueTurn(ID))
    assert await task
    assert call.changed == ["sales"]


async def test_full_and_no_way_out_before_the_answer_is_busy() -> None:
    call = Call(Queue("support"))
    task = asyncio.create_task(call.lead(ToQueue("support")))
    await call.settle()
    await call.take(QueueRefused(ID, "full"))
    await task
    assert call.ended == [(Reason.QUEUE, "queue support: full", lead.BUSY)]
    assert not call.answered


async def test_closed_and_no_way_out_before_the_answer_is_not_available() -> None:
    call = Call()
    why = Reason.CLOSED, "closed: hours office"
    assert not await lead.run(call, HangUp(), mask=True, why=why)  # type: ignore[arg-type]
    assert call.ended == [(*why, lead.NOT_AVAILABLE)]


async def test_two_full_queues_that_name_each_other_end_the_call() -> None:
    call = Call(Queue("support", on_full=ToQueue("other")))
    call.queues["other"] = Queue("other", on_full=ToQueue("support"))
    task = asyncio.create_task(call.lead(ToQueue("support")))
    while not task.done():
        await call.settle()
        if call.on_queue is not None:
            await call.take(QueueRefused(ID, "full"))
    assert [why for why, *_ in call.ended] == [Reason.QUEUE]


async def test_the_agent_gives_the_caller_to_a_queue() -> None:
    call = Call()
    assert lead.ordered(call, commands.JoinQueue("nowhere")).status == 404  # type: ignore[arg-type]
    assert lead.ordered(call, commands.JoinQueue("support")).ok  # type: ignore[arg-type]
    await call.settle()
    assert not call.talking, "it has left"
    assert call.sent == [JoinQueue(ID, "support", route="front")]
    assert lead.ordered(call, commands.JoinQueue("support")).status == 491, "it is in one"  # type: ignore[arg-type]
    await call.take(QueueTurn(ID))
