"""The limit of an engine: who is refused, who waits, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipua.cli import main as cli
from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer


def test_one_slot_for_callers_with_and_without_a_queue(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path, capsys: Any
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKENS["readonly"])
    edge = edge_factory(
        {
            "api": api_config(placing={"prefixes": ["sip:@192.0.2.1"]}),
            "engine": {"max_calls": 1},
            "agent": {"greeting": False},
            "routes": [
                {"name": "queued", "called": ["wait"], "queue": "support"},
                {"name": "kind", "called": ["kind"], "fallback": [{"queue": "support"}]},
                {"name": "strict"},
            ],
            "queues": [{"name": "support", "max_calls": 5}],
        }
    )
    api = Api(edge)
    talks = sipp.start("uac_call_ended_by_peer", edge.address)
    first = edge.wait_event("call.confirmed")["call_id"]
    refused = sipp.run("uac_rejected", edge.address, STATUS="486")
    assert refused.ok, str(refused)
    ended = edge.wait_event("call.ended")
    assert (ended["status"], ended["end"]["reason"]) == ("busy", "engine_busy")
    waits = []
    for number, service in enumerate(("wait", "kind"), 1):
        waits.append(sipp.start("uac_call_ended_by_peer", edge.address, service=service))
        edge.wait_event("queue.position", count=number)
    assert api.get("/v1/queues")["engines"] == [{"name": "local", "calls": 1, "max_calls": 1}]
    assert cli.run(["queue", "--url", api.url, "--token-file", str(token)]) == 0
    assert "engine local: 1 of 1 calls" in capsys.readouterr().out
    called = api.ask(
        "POST",
        "/v1/calls",
        {"to": "sip:nobody@192.0.2.1", "route": "strict"},
        headers={"Idempotency-Key": "one"},
    )
    assert called.status == 503, called.body
    assert called.json["detail"] == "engine local: its max_calls are up"
    order = [event["call_id"] for event in edge.events(name="queue.joined")]
    for number, gone in enumerate([first, *order], 1):
        edge.wait_event("engine.in_use", call_id=gone)
        assert api.ask("POST", f"/v1/calls/{gone}/hangup").status == 202
        if number < 3:
            edge.wait_event("queue.left", count=number)
    for run in (talks, *waits):
        assert run.wait(check=False).ok, str(run.result())
    left = [(event["call_id"], event["reason"]) for event in edge.events(name="queue.left")]
    assert left == [(call_id, "served") for call_id in order]
    in_use = [event["call_id"] for event in edge.events(name="engine.in_use")]
    assert in_use == [first, *order], "one after the other"
    assert edge.events(name="call.failed") == []
