"""Webhooks of a real edge: its calls, a receiver that is down, and `kill -9` meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.calls.hook_receiver import SECRET, in_order, verified
from support.calls.hook_server import Behaviour, HookServer, answer, later, vanish
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

OF_A_CALL = ("call.incoming", "call.answered", "call.ended")


def config(home: Path, url: str, *, timeout_s: float = 2) -> dict[str, Any]:
    secret = home / "crm.secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    webhook = {"name": "crm", "url": f"{url}/hook", "types": ["call.*", "edge.*"]}
    webhook |= {"secret_file": secret, "allow": ["127.0.0.1", "::1"], "timeout_s": timeout_s}
    spool = {"directory": home / "spool", "retry_s": [0, 0.2, 0.5, 0.5, *[1] * 26]}
    return {"webhooks": [webhook], "webhook_spool": spool}


def test_W1_a_call_is_told_to_a_receiver_that_is_slow_at_first(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    with HookServer([answer(500), later(3.0, answer(200)), answer(200)]) as server:
        edge = edge_factory(config(tmp_path, server.url))
        sipp.run("uac_call", edge.address, pause_ms=300)
        edge.wait_event("call.ended")
        assert edge.stop() == 0
        told = {event["type"] for event in verified(server.requests)}
        assert "edge.listening" in told
        edge.start()
        wait_until(
            lambda: (
                {"call.ended", "edge.stopped"}
                <= {event["type"] for event in verified(server.requests)}
            ),
            20,
            "the end of the call, and of the edge",
        )
        events = verified(server.requests)
    assert in_order(events)
    (ended,) = edge.events(name="call.ended")
    (sent, *again) = [event for event in events if event["type"] == "call.ended"]
    assert all(event["id"] == sent["id"] for event in again)
    assert (sent["subject"], sent["data"]["status"]) == (ended["call_id"], "completed")


def test_W1_killed_while_the_receiver_is_down_each_event_arrives_in_order(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path, closed_port: int
) -> None:
    edge = edge_factory(config(tmp_path, f"http://localhost:{closed_port}"))
    for count in (1, 2, 3):
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("call.ended", count=count)
    edge.wait_event("webhook.failing")
    listed = wait_until(lambda: hooks(tmp_path, "ls"), 10, "what waits")
    assert "crm" in listed
    # Half a second after the last event it is on disk (docs/webhooks.md: 50 ms).
    wait_until(lambda: stored(tmp_path, "call.ended") == 3, 10, "the events on disk")
    edge.kill()
    edge.start()
    sipp.run("uac_call", edge.address, pause_ms=200)
    edge.wait_event("call.ended", count=4)
    with HookServer([answer(503), answer(200)], port=closed_port) as server:

        def arrived() -> bool:
            ends = {e["id"] for e in verified(server.requests) if e["type"] == "call.ended"}
            return len(ends) >= 4

        wait_until(arrived, 30, "the ends of all calls")
        edge.wait_event("webhook.recovered")
        events = verified(server.requests)
    assert in_order(events)
    calls = {event["call_id"] for event in edge.events(name="call.incoming")}
    assert len(calls) == 4
    for call_id in calls:
        types = [event["type"] for event in events if event.get("subject") == call_id]
        assert [name for name in dict.fromkeys(types) if name in OF_A_CALL] == list(OF_A_CALL)


def closing(status: int, **headers: str) -> Behaviour:
    return answer(status, Connection="close", **headers)


FAULTS: dict[str, Behaviour] = {
    "hangs": later(60.0, vanish),
    "500": closing(500),
    "redirects": closing(302, Location="/elsewhere"),
    "closes": vanish,
    "asks for time": closing(503, Retry_After="1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_W1_killed_again_and_again_while_the_receiver(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path, fault: str
) -> None:
    """`kill -9` at moments that nobody chose: what was on disk by then arrives, in order."""
    with HookServer([FAULTS[fault]]) as server:
        edge = edge_factory(config(tmp_path, server.url, timeout_s=1))
        ids = set[str]()
        for count in (1, 2, 3):
            sipp.run("uac_call", edge.address, pause_ms=200)
            ids.add(edge.wait_event("call.ended", count=count)["call_id"])
            wait_until(lambda: stored(tmp_path, "call.ended") == len(ids), 10, "it is on disk")
            edge.kill()
            edge.start()
        assert {request.path for request in server.requests} <= {"/hook"}
        asked = len(server.requests)
        server.behaviours[:] = [answer(200)]
        wait_until(lambda: ended(server, asked) >= ids, 40, "the ends of all calls")
        events = verified(server.requests[asked:])
    assert in_order(events)
    for call_id in ids:
        types = [event["type"] for event in events if event.get("subject") == call_id]
        assert [name for name in dict.fromkeys(types) if name in OF_A_CALL] == list(OF_A_CALL)


def test_W1_410_holds_over_a_kill_and_dead_letters_are_sent_again(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    with HookServer([closing(410)]) as server:
        edge = edge_factory(config(tmp_path, server.url))
        edge.wait_event("webhook.disabled")
        wait_until(lambda: "disabled" in hooks(tmp_path, "ls"), 10, "it is on disk")
        edge.kill()
        edge.start()
        asked = len(server.requests)
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("call.ended")
        assert len(server.requests) == asked, "nothing is sent any more"
        server.behaviours[:] = [answer(200)]
        hooks(tmp_path, "enable", "crm")
        hooks(tmp_path, "redeliver", "crm", "--all")
        edge.kill()  # before it has looked, or after: what is on disk holds
        edge.start()
        wait_until(lambda: len(server.requests) > asked, 20, "the dead letters")
        listening = [e for e in verified(server.requests[asked:]) if e["type"] == "edge.listening"]
        assert listening


def ended(server: HookServer, since: int) -> set[str]:
    events = verified(server.requests[since:])
    return {event["subject"] for event in events if event["type"] == "call.ended"}


def hooks(home: Path, *words: str) -> str:
    command = [sys.executable, "-m", "sipua", "hooks", *words, "--directory", home / "spool"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stored(home: Path, kind: str) -> int:
    database = sqlite3.connect(home / "spool" / "webhooks.sqlite3")
    try:
        ((count,),) = database.execute("SELECT count(*) FROM event WHERE type = ?", (kind,))
        return int(count)
    finally:
        database.close()
