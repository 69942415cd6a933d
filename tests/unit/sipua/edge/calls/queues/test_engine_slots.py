"""Which calls take a slot of their engine, over all workers and queues."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sipua.calls.facts import CallFacts
from sipua.config import Config
from sipua.edge.calls.queues.queues import EdgeQueues
from sipua.edge.wiring.queues import agent_at_once, engine_limits
from sipua.events.teller import Told
from sipua.queue.orders import JoinQueue, QueueNews, QueuePlace, QueueTurn
from sipua.worker.link.coding import encode, of_worker

MONDAY_NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
CONFIG = Config.model_validate(
    {
        "engine": {"max_calls": 1},
        "engines": {"other": {}},
        "routes": (
            {"name": "plain"},
            {"name": "own", "engine": "other"},
            {"name": "queued", "queue": "support"},
            {"name": "menu", "menu": "main"},
            {"name": "forwards", "forward": "sip:agent@192.0.2.1"},
            {"name": "day", "when": "office", "closed": {"hang_up": True}},
        ),
        "menus": ({"name": "main", "text": "Press 1.", "keys": {"1": {"agent": "plain"}}},),
        "queues": ({"name": "support", "max_calls": 9},),
        "hours": {"office": {"zone": "UTC", "open": ("Mo 08:00-18:00",)}},
    }
)


def facts(call_id: str = "a", route: str = "plain", **more: Any) -> CallFacts:
    return CallFacts(
        call_id,
        more.pop("direction", "incoming"),
        "sip:1@h",
        "sip:2@h",
        "",
        route,
        more.pop("started_at", MONDAY_NOON),
        **more,
    )


class Edge:
    def __init__(self) -> None:
        self.sent: list[QueueNews] = []
        self.queues = EdgeQueues(
            CONFIG, lambda _call, news: self.sent.append(news), lambda _event: None
        )

    def join(self, call_id: str, route: str = "queued") -> list[QueueNews]:
        order = JoinQueue(call_id, "support", route=route)
        assert of_worker().decode(encode(order)) == order
        self.queues.on_order(order)
        return self.take()

    def take(self) -> list[QueueNews]:
        sent, self.sent = self.sent, []
        return sent

    def told(self, event: str, data: bytes = b"{}", call_id: str = "a") -> list[QueueNews]:
        self.queues.on_told(Told(event, 0.0, call_id, data))
        return self.take()


@pytest.mark.parametrize(
    ("call", "is_so"),
    [
        (facts(), True),
        (facts(route=""), True),
        (facts(route="queued"), False),
        (facts(route="menu"), False),
        (facts(route="forwards"), False),
        (facts(route="day"), True),
        (facts(route="day", started_at=MONDAY_NOON.replace(hour=20)), False),
        (facts(notice="signed_in"), False),
        (facts(route="queued", direction="outgoing"), True),
        (facts(route="menu", direction="outgoing"), False),
    ],
)
def test_which_calls_begin_with_an_agent(call: CallFacts, is_so: bool) -> None:
    assert agent_at_once(CONFIG, call) is is_so


def test_the_limits() -> None:
    assert engine_limits(CONFIG) == {"local": 1}


async def test_the_second_call_finds_no_slot_and_another_engine_has_its_own() -> None:
    edge = Edge()
    assert edge.queues.begin(facts("a")) == ""
    assert edge.queues.begin(facts("b")) == "local"
    assert edge.queues.begin(facts("c", "own")) == ""
    edge.queues.over("b")
    edge.queues.over("a")
    assert edge.queues.begin(facts("b")) == ""


async def test_who_waits_gets_the_slot_of_a_call_that_came_without_a_queue() -> None:
    edge = Edge()
    edge.queues.begin(facts("a"))
    assert edge.join("b") == [QueuePlace("b", 1)]
    assert edge.told("engine.in_use", b'{"engine":"local","why":"reconnected"}') == []
    edge.queues.over("a")
    assert edge.take() == [QueueTurn("b")]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("call.transferred", b"{}"),
        ("call.supervised", b'{"mode":"takeover"}'),
        ("call.fallback", b'{"step":"menu"}'),
        ("engine.in_use", b'{"engine":"other","why":"fallback"}'),
    ],
)
async def test_what_gives_a_slot_back(event: str, data: bytes) -> None:
    edge = Edge()
    edge.queues.begin(facts("a"))
    edge.join("b")
    assert edge.told(event, data) == [QueueTurn("b")]


async def test_an_agent_behind_a_menu_is_counted_though_there_is_no_slot() -> None:
    edge = Edge()
    edge.queues.begin(facts("a"))
    edge.told("engine.in_use", b'{"engine":"local"}', "led")
    edge.queues.over("a")
    assert edge.join("b") == [QueuePlace("b", 1)], "it has the slot now"
    edge.queues.over("led")
    assert edge.take() == [QueueTurn("b")]


async def test_a_late_word_of_an_engine_that_was_left_for_good() -> None:
    edge = Edge()
    edge.queues.begin(facts("a"))
    edge.told("call.transferred")
    edge.told("engine.in_use", b'{"engine":"local"}')
    assert edge.queues.begin(facts("b")) == ""
