"""The queues of the edge: what calls say of them, over all workers."""

from __future__ import annotations

from typing import Any

from sipua.config import Config
from sipua.edge.calls.queues import EdgeQueues
from sipua.events.teller import Told
from sipua.queue.orders import (
    JoinQueue,
    LeaveQueue,
    OfferEnded,
    QueueNews,
    QueueOffer,
    QueuePlace,
    QueueTurn,
)
from sipua.worker.link.coding import encode, of_edge, of_worker


class Edge:
    def __init__(self, **queue: Any) -> None:
        self.sent: list[QueueNews] = []
        self.queues = EdgeQueues(self._send)
        self.use(**queue)

    def _send(self, call_id: str, news: QueueNews) -> None:
        assert news.call_id == call_id
        assert of_edge().decode(encode(news)) == news, "it crosses the link as it is"
        self.sent.append(news)

    def use(self, **queue: Any) -> None:
        sections = ({"name": "support", **queue},) if queue else ()
        pbx = {"name": "pbx", "registrar": "sip:192.0.2.1", "user": "1", "password": "x"}
        config = Config.model_validate({"queues": sections, "accounts": (pbx,)})
        self.queues.use(config)

    def join(self, call_id: str) -> list[QueueNews]:
        order = JoinQueue(call_id, "support")
        assert of_worker().decode(encode(order)) == order
        self.queues.on_order(order)
        return self.take()

    def take(self) -> list[QueueNews]:
        sent, self.sent = self.sent, []
        return sent


async def test_the_end_of_a_call_gives_its_slot_to_the_next() -> None:
    edge = Edge(max_calls=1)
    assert edge.join("a") == [QueueTurn("a")]
    assert edge.join("b") == [QueuePlace("b", 1)]
    edge.queues.over("a")
    assert edge.take() == [QueueTurn("b")]
    edge.queues.over("b")
    assert edge.take() == []


async def test_a_transfer_frees_the_slot_and_other_events_do_not() -> None:
    edge = Edge(max_calls=1)
    edge.join("a")
    edge.join("b")
    edge.queues.on_told(Told("call.joined", 0.0, "a", b"{}"))
    assert edge.take() == []
    edge.queues.on_told(Told("call.transferred", 0.0, "a", b"{}"))
    assert edge.take() == [QueueTurn("b")]


async def test_a_reload_that_takes_the_queue_out_serves_to_the_end() -> None:
    edge = Edge(max_calls=1)
    edge.join("a")
    edge.join("b")
    edge.use()
    edge.queues.on_order(LeaveQueue("a"))
    assert edge.take() == [QueueTurn("b")]


async def test_a_number_of_a_member_is_one_at_the_account() -> None:
    edge = Edge(account="pbx", members=({"name": "anna", "target": "201"},), retry_s=0.01)
    (offer, place) = edge.join("a")
    assert isinstance(offer, QueueOffer)
    assert offer.members == {"anna": "sip:201@192.0.2.1"}
    assert place == QueuePlace("a", 1)
    edge.queues.on_order(OfferEnded("a", offer.offer, "", {"anna": "busy"}))
    assert edge.queues._timer is not None, "she is tried again"
    edge.queues.stop()
    assert edge.queues._timer is None
