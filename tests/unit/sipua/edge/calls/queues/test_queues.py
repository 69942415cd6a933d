"""The queues of the edge: what calls say of them, over all workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.config import Config
from sipua.edge.calls.queues.queues import EdgeQueues
from sipua.events.event import Event
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
    def __init__(self, file: str = "", **queue: Any) -> None:
        self.sent: list[QueueNews] = []
        self.told: list[Event] = []
        self._file = file
        self.queues = EdgeQueues(self._config(**queue), self._send, self.told.append)

    def _send(self, call_id: str, news: QueueNews) -> None:
        assert news.call_id == call_id
        assert of_edge().decode(encode(news)) == news, "it crosses the link as it is"
        self.sent.append(news)

    def use(self, **queue: Any) -> None:
        self.queues.use(self._config(**queue))

    def _config(self, **queue: Any) -> Config:
        sections = ({"name": "support", **queue},) if queue else ()
        pbx = {"name": "pbx", "registrar": "sip:192.0.2.1", "user": "1", "password": "x"}
        return Config.model_validate(
            {"queues": sections, "accounts": (pbx,), "queue_members": {"file": self._file}}
        )

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


@pytest.mark.parametrize("event", ["call.supervised", "call.supervisor_mode"])
async def test_a_supervisor_who_takes_the_call_over_frees_the_slot(event: str) -> None:
    edge = Edge(max_calls=1)
    edge.join("a")
    edge.join("b")
    edge.queues.on_told(Told(event, 0.0, "a", b'{"mode":"barge"}'))
    assert edge.take() == []
    edge.queues.on_told(Told(event, 0.0, "a", b'{"mode":"takeover"}'))
    assert edge.take() == [QueueTurn("b")]
    edge.queues.over("a")
    assert edge.take() == [], "it had given its slot back"


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


# --- members ----------------------------------------------------------------------------------

ANNA = {"name": "anna", "target": "sip:201@pbx"}
BEN = {"name": "ben", "target": "sip:202@pbx"}


def kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_what_members_have_said_outlives_a_reload_and_the_process(tmp_path: Path) -> None:
    file = str(tmp_path / "members.json")
    edge = Edge(file, members=(ANNA, BEN))
    target = edge.queues.target("support", "anna")
    assert target == "sip:201@pbx"
    assert edge.queues.target("support", "cleo") is None
    assert edge.queues.target("sales", "anna") is None
    edge.queues.set_presence(target, "paused", "lunch", "ops")
    edge.queues.set_presence("sip:202@pbx", "signed_out", "", "dialled")
    assert [event.fields() for event in edge.told] == [
        {
            "member": "anna", "queues": ["support"], "state": "paused", "by": "ops",
            "reason": "lunch",
        },
        {"member": "ben", "queues": ["support"], "state": "signed_out", "by": "dialled"},
    ]  # fmt: skip
    edge.use(members=(BEN, ANNA))
    await edge.queues.written()
    for queues in (edge.queues, Edge(file, members=(ANNA, BEN)).queues):
        (state,) = queues.states()
        members = {one.name: (one.state, one.presence.reason) for one in state.members}
        assert members == {"anna": ("paused", "lunch"), "ben": ("signed_out", "")}
        assert state.servers == 1, "who is in a pause comes back"
    assert kept(tmp_path) == {"members.json": 0o600}
    edge.use(members=(BEN,))
    await edge.queues.written()
    (state,) = Edge(file, members=(ANNA, BEN)).queues.states()
    assert [one.state for one in state.members] == ["free", "signed_out"], "anna was forgotten"


@pytest.mark.parametrize("text", [b"", b"{", b'{"sip:201@pbx": {"state": "asleep"}}', b"\xff"])
async def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "members.json"
    file.write_bytes(text)
    (state,) = Edge(str(file), members=(ANNA,)).queues.states()
    assert state.members[0].state == "free"


async def test_a_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    edge = Edge(str(tmp_path / "file" / "members.json"), members=(ANNA,))
    edge.queues.set_presence("sip:201@pbx", "signed_out", "", "ops")
    await edge.queues.written()
    assert edge.queues.states()[0].members[0].state == "signed_out"


async def test_who_signs_in_is_called_at_once() -> None:
    edge = Edge(members=({**ANNA, "signed_in": False},))
    assert edge.join("a") == [QueuePlace("a", 1)]
    edge.queues.set_presence("sip:201@pbx", "signed_in", "", "ops")
    (offer,) = edge.take()
    assert isinstance(offer, QueueOffer)
    assert list(offer.members) == ["anna"]
