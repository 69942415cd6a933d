"""Fifty warm transfers at once: each is accepted, and nothing is left of any (15 s)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sipua.calls.steer.commands import Transfer
from support.calls.steered_edge import SteeredEdge
from support.footprint import nothing_kept, settled
from support.peers.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.few, pytest.mark.slow]

CALLS = 50
UP_MS = 9000


def test_fifty_at_once_leak_nothing(steered_edge: Callable[..., SteeredEdge], sipp: Sipp) -> None:
    edge = steered_edge(
        {
            "agent": {"mode": "silence", "greeting": False},
            "tools": {"transfer": {"mode": "warm", "settle_s": 0.2}},
        }
    )
    put_through(edge, sipp, 1, 2500)
    before = settled(edge.process.pid)
    put_through(edge, sipp, CALLS, UP_MS)
    nothing_kept(edge.process.pid, before)
    assert edge.events(name="call.failed") == []


def put_through(edge: SteeredEdge, sipp: Sipp, count: int, up_ms: int) -> None:
    """So many calls, each to a target that takes it by a key; the callers hang up."""
    so_far = {name: len(edge.events(name=name)) for name in ("call.confirmed", "call.transferred")}
    targets = sipp.start("uas_key", calls=count, KEY="1", AFTER="1000", timeout_s=80)
    callers = sipp.start(
        "uac_call", edge.address, calls=count, rate=25, pause_ms=up_ms, timeout_s=80
    )
    edge.wait_event("call.confirmed", count=so_far["call.confirmed"] + count)
    for call in edge.events(name="call.confirmed")[so_far["call.confirmed"] :]:
        order = Transfer(f"sip:support@{targets.address}")
        assert edge.steer(str(call["call_id"]), order)["status"] == "accepted"
    edge.wait_event("call.transferred", count=so_far["call.transferred"] + count)
    assert callers.wait(90, check=False).ok, str(callers.result())
    assert targets.wait(90, check=False).ok, str(targets.result())
    edge.wait_event("call.ended", count=so_far["call.confirmed"] + count)
    joined = edge.events(name="call.joined")[-count:]
    assert {one["accepted"] for one in joined} == {"key 1"}
