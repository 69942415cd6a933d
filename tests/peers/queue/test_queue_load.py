"""Fifty queue calls at once leave nothing behind: no port, no descriptor, no task, no member who is
busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.calls.scrape import Scrape
from support.footprint import nothing_kept, settled
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.few

MOST_MB = 60
"""Beyond what is there before the first fifty calls: what the allocator keeps for the next ones."""


@pytest.mark.timeout(120)
def test_fifty_queue_calls_at_once_leave_nothing(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    """They wait for an agent, for people who are called, and for people of whom none is signed in:
    so some are served, some give up, and for some it takes too long."""
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
        {
            "name": "nobody",
            "members": [{"name": "out", "target": "sip:out@192.0.2.1", "signed_in": False}],
            "max_wait_s": 4,
        },
    ]
    names = [str(queue["name"]) for queue in queues]
    edge = edge_factory(
        {
            "api": api_config(),
            "metrics": {"enabled": True, "port": 0},
            "routes": [{"name": name, "called": [name], "queue": name} for name in names],
            "queues": queues,
            "rtp": {"port_rest_s": 0},
        }
    )
    api = Api(edge)

    def tasks_and_mb() -> tuple[float, float]:
        """Of all processes; as they were two seconds ago, at most."""
        found = Scrape(edge)
        return found.value("sipua_tasks"), found.value("sipua_memory_bytes") / 1e6

    for name in names:
        sipp.run("uac_call", edge.address, service=name, pause_ms=1000)
    edge.wait_event("call.ended", count=3)
    before, (tasks, memory_mb) = settled(edge.process.pid), tasks_and_mb()
    served, called = (
        sipp.start("uac_call", edge.address, service=name, calls=count, rate=25, pause_ms=6000)
        for name, count in (("agents", 20), ("people", 15))
    )
    late = sipp.start("uac_call_ended_by_peer", edge.address, service="nobody", calls=15, rate=25)
    for run in (served, called, late):
        run.wait(60)
    edge.wait_event("call.ended", count=53, timeout_s=30)
    left = Counter((one["queue"], one["reason"]) for one in edge.events(name="queue.left"))
    assert left.total() == len(edge.events(name="queue.joined")) == 53
    assert left["nobody", "timeout"] == 15
    assert {reason for queue, reason in left if queue != "nobody"} <= {"served", "hangup"}
    assert left["agents", "served"] + left["people", "served"] >= 16
    for queue in api.get("/v1/queues")["queues"]:
        assert (queue["waiting"], queue["serving"]) == ([], 0)
        states = {one["state"] for one in queue["members"]}
        assert states <= {"free", "resting", "signed_out"}
    nothing_kept(edge.process.pid, before)
    wait_until(lambda: tasks_and_mb()[0] <= tasks, 20, "the tasks of all calls to end")
    assert tasks_and_mb()[1] <= memory_mb + MOST_MB
    assert edge.events(name="call.failed") == []
