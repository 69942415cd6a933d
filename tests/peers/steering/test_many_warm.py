"""Fifty warm transfers at once, half of them to targets that talk with an agent: each is accepted,
and nothing is left of any (14 s)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sipua.calls.steer.commands import Transfer
from support.calls.steered_edge import SteeredEdge
from support.engine.scenarios import scenario
from support.footprint import nothing_kept, settled
from support.peers.sipp import Sipp, SippRun

pytestmark = [pytest.mark.peer, pytest.mark.few, pytest.mark.slow]

CALLS = 50
WAYS = ("text", "agent")


def test_fifty_at_once_leak_nothing(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, tmp_path: Path
) -> None:
    """No target says a word: so the agent does, which is its first."""
    rehearsal = scenario(tmp_path, '[[steps]]\non = "greeting"\ntone_ms = 500\n')
    count = CALLS + len(WAYS)
    targets = sipp.start("uas_key", calls=count, KEY="1", AFTER="3000", timeout_s=120)
    to = [f"sip:support@{targets.address}"]
    ways = [{"name": way, "to": to, "briefing_by": way} for way in WAYS]
    edge = steered_edge(
        {
            "agent": {"mode": "silence", "scenario": rehearsal},
            "tools": {"transfer": {"mode": "warm", "settle_s": 0.2, "destinations": ways}},
        }
    )
    put_through(edge, sipp, len(WAYS))
    before = settled(edge.process.pid)
    put_through(edge, sipp, CALLS)
    over(targets)
    nothing_kept(edge.process.pid, before)
    assert edge.events(name="call.failed") == []


def put_through(edge: SteeredEdge, sipp: Sipp, count: int) -> None:
    """So many calls, each to a target that takes it by a key; the callers hang up."""
    so_far = {name: len(edge.events(name=name)) for name in ("call.confirmed", "call.transferred")}
    callers = sipp.start(
        "uac_call", edge.address, calls=count, rate=25, until_told=True, timeout_s=80
    )
    edge.wait_event("call.confirmed", count=so_far["call.confirmed"] + count)
    for at, call in enumerate(edge.events(name="call.confirmed")[so_far["call.confirmed"] :]):
        order = Transfer(WAYS[at % len(WAYS)])
        assert edge.steer(str(call["call_id"]), order)["status"] == "accepted"
    edge.wait_event("call.transferred", count=so_far["call.transferred"] + count)
    callers.hang_up()
    over(callers)
    edge.wait_event("call.ended", count=so_far["call.confirmed"] + count)
    joined = edge.events(name="call.joined")[-count:]
    assert {one["accepted"] for one in joined} == {"key 1"}
    assert {one["by"] for one in edge.events(name="call.briefing")} == set(WAYS)


def over(run: SippRun) -> None:
    assert run.wait(90, check=False).ok, str(run.result())
