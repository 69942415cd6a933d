"""Fifty queue calls at once leave nothing behind: no port, no descriptor, no member who is busy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.peers.sipp import Sipp

pytestmark = pytest.mark.alone


@pytest.mark.timeout(120)
def test_fifty_queue_calls_at_once_leave_nothing(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    """Half of them wait for an agent, half for people who are called."""
    members = sipp.start("uas_answer", calls=50, pause_ms=100)
    queues = [
        {"name": "agents", "max_calls": 8, "max_callers": 50},
        {
            "name": "people",
            "members": [
                {"name": f"m{n}", "target": f"sip:m{n}@{members.address}"} for n in range(8)
            ],
            "strategy": "round_robin",
            "max_callers": 50,
        },
    ]
    edge = edge_factory(
        {
            "api": api_config(),
            "routes": [
                {"name": "agents", "called": ["agent"], "queue": "agents"},
                {"name": "people", "called": ["people"], "queue": "people"},
            ],
            "queues": queues,
            "rtp": {"port_rest_s": 0},
        }
    )
    sipp.run("uac_call", edge.address, pause_ms=200)
    sipp.run("uac_call", edge.address, service="people", pause_ms=1500)
    edge.wait_event("call.ended", count=2)
    before = settled(edge.process.pid)
    runs = [
        sipp.start("uac_call", edge.address, service=service, calls=25, rate=25, pause_ms=6000)
        for service in ("agent", "people")
    ]
    for run in runs:
        run.wait(60)
    edge.wait_event("call.ended", count=52, timeout_s=30)
    left = [event["reason"] for event in edge.events(name="queue.left")]
    assert len(left) == len(edge.events(name="queue.joined")) == 52
    assert set(left) <= {"served", "hangup"}, "as their turn comes while others hang up"
    assert left.count("served") >= 16
    for queue in Api(edge).get("/v1/queues")["queues"]:
        assert (queue["waiting"], queue["serving"]) == ([], 0)
        assert {one["state"] for one in queue["members"]} <= {"free", "resting"}
    nothing_kept(edge.process.pid, before)
    assert edge.events(name="call.failed") == []
