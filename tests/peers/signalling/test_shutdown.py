"""H1: how the edge ends. SIGTERM lets running calls finish, within bounds; a second one does
not wait for any peer."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.footprint import children
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def test_H1_sigterm_refuses_new_calls_and_lets_the_running_one_end(
    edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory()
    processes = children(edge.process.pid)
    call = sipp.start("uac_call", edge.address, until_told=True)
    edge.wait_event("call.confirmed")
    edge.process.send(signal.SIGTERM)
    assert edge.wait_event("edge.draining")["calls"] == 1
    refused = sipp.run("uac_rejected", edge.address, STATUS="503")
    assert "Retry-After: " in refused.received("SIP/2.0 503")[0].text
    assert edge.wait_event("call.rejected")["status"] == 503
    assert edge.events(name="call.ended") == []
    call.hang_up()
    call.wait()  # its own BYE, at its own time
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert edge.process.wait(30) == 0
    assert edge.events(name="edge.stopped")
    assert gone(processes)


def test_H1_sigterm_unregisters_before_it_waits_for_calls(edge_factory: Edges, sipp: Sipp) -> None:
    """The PBX sends its calls elsewhere at once, instead of a drain's worth of 503s."""
    registrar = sipp.start("uas_registrar", calls=20, USERNAME="a", PASSWORD="b", EXPIRES="60")
    uri = f"sip:{registrar.address};transport=udp"
    account = {"name": "pbx", "registrar": uri, "user": "a", "password": "b"}
    edge = edge_factory({"accounts": [account]})
    edge.wait_event("registration.ok")
    call = sipp.start("uac_call", edge.address, until_told=True)
    edge.wait_event("call.confirmed")
    edge.process.send(signal.SIGTERM)
    edge.wait_event("registration.removed")
    assert edge.events(name="call.ended") == []
    call.hang_up()
    call.wait()
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert edge.process.wait(30) == 0


def test_H1_calls_that_outlast_the_drain_get_a_bye(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"calls": {"drain_s": 1}})
    calls = sipp.start("uac_call_ended_by_peer", edge.address, calls=3)
    edge.wait_event("call.confirmed", count=3)
    assert edge.stop() == 0
    result = calls.wait()
    assert result.successful == 3
    assert len(result.received("BYE")) == 3
    ended = edge.events(name="call.ended")
    assert {
        (event["status"], event["end"]["by"], event["end"]["reason"], event["end"]["sip"]["status"])
        for event in ended
    } == {("completed", "edge", "shutdown", 200)}
    assert len(ended) == 3


def test_H1_a_ringing_call_is_refused_at_the_end_of_the_drain(
    edge_factory: Edges, sipp: Sipp
) -> None:
    """Its engine never said a word, so there is no call that a BYE could end."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}/v1/realtime"
        engine = {"url": url, "connect_timeout_s": 30}
        edge = edge_factory({"calls": {"drain_s": 0.5}, "engine": engine})
        call = sipp.start("uac_rejected", edge.address, STATUS="503")
        edge.wait_event("call.ringing")
        assert edge.stop() == 0
        call.wait()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["reason"], ended["end"]["sip"]["status"]) == ("shutdown", 503)


def test_H1_a_second_sigterm_ends_it_at_once(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory()
    processes = children(edge.process.pid)
    sipp.start("uac_call", edge.address, pause_ms=30000)
    edge.wait_event("call.confirmed")
    edge.process.send(signal.SIGTERM)
    edge.wait_event("edge.draining")
    edge.process.send(signal.SIGTERM)
    assert edge.process.wait(20) == 143  # of 30 s that the call could have gone on
    assert edge.events(name="edge.stopped") == []
    wait_until(lambda: gone(processes), 20, "the end of its processes")
