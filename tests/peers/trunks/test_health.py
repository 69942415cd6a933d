"""Servers of a trunk that get OPTIONS: one that does not answer gets no call."""

import os
import re
import signal
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.commands import shell
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until
from support.signalling.udp_switch import UdpSwitch

pytestmark = pytest.mark.peer

TrunkEdge = Callable[..., SteeredEdge]


def servers(edge: SteeredEdge) -> dict[str, dict[str, Any]]:
    """By URI, as the API shows them."""
    (trunk,) = edge.get("/v1/trunks")["trunks"]
    return {one["uri"]: one for one in trunk["servers"]}


def talk(edge: SteeredEdge) -> str:
    """The server that took a call."""
    call_id = str(edge.place("100", origin="carrier")["id"])
    edge.wait_event("call.confirmed", call_id=call_id)
    edge.steer(call_id, HangUp("enough"))
    edge.wait_event("call.ended", call_id=call_id)
    return str(edge.events(name="call.invited", call_id=call_id)[-1]["server"])


def test_S24_a_server_is_down_gets_no_call_and_comes_back(
    trunk_edge: TrunkEdge, sipp: Sipp, switch: Callable[[int], UdpSwitch]
) -> None:
    behind = [sipp.start("uas_answer", calls=10, pause_ms=50) for _ in range(2)]
    first, second = (switch(run.port) for run in behind)
    first.options = second.options = "200 OK"
    metrics = PortBlock(2)
    port = metrics.port()
    edge = trunk_edge(
        first.address,
        second.address,
        options_s=2,
        config={"metrics": {"enabled": True, "port": port}},
    )
    uris = [f"sip:{one.address}" for one in (first, second)]
    up = [edge.wait_event("trunk.up", count=number) for number in (1, 2)]
    assert {one["server"] for one in up} == set(uris)
    assert all(0 < one["round_trip_ms"] < 4000 and "down_s" not in one for one in up)
    assert talk(edge) == uris[0]

    first.on = False
    down = edge.wait_event("trunk.down", timeout_s=20)
    assert (down["server"], down["again_in_s"]) == (uris[0], None)
    assert "no answer to OPTIONS" in down["cause"]
    shown = servers(edge)
    assert (shown[uris[0]]["state"], shown[uris[1]]["state"]) == ("down", "up")
    assert shown[uris[1]]["round_trip_ms"] > 0
    assert talk(edge) == uris[1]
    assert edge.events(name="call.attempt_failed") == []
    env = edge.client_env()
    listed = shell("sipua trunks", env, edge.file.parent).stdout
    assert listed.splitlines()[1].split()[:4] == ["carrier", "trunk", "partly", "down"]
    told = shell("sipua trunks show carrier", env, edge.file.parent).stdout
    assert re.search(rf"server 1 +{uris[0]}; priority 1, weight 100; down, \d+ s ago; no ans", told)
    assert re.search(
        rf"server 2 +{uris[1]}; priority 2, weight 100; up, .* ms$", told, re.MULTILINE
    )
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    for uri, value in zip(uris, ("0.0", "1.0"), strict=True):
        assert f'sipua_trunk_up{{trunk="carrier",server="{uri}"}} {value}' in lines

    first.on = True
    back = edge.wait_event("trunk.up", count=3, timeout_s=20)
    assert back["server"] == uris[0]
    assert back["down_s"] > 0
    assert talk(edge) == uris[0]
    assert edge.stop() == 0
    metrics.close()


def test_S24_a_server_whose_options_say_503_is_down(
    trunk_edge: TrunkEdge, switch: Callable[[int], UdpSwitch]
) -> None:
    only = switch(9)
    only.options = "503 Maintenance"
    edge = trunk_edge(only.address, options_s=2)
    assert edge.wait_event("trunk.down")["cause"] == "503 Maintenance to OPTIONS"
    only.options = "404 Not Found"
    assert edge.wait_event("trunk.up", timeout_s=20)["server"] == f"sip:{only.address}"


def test_a_reload_asks_other_servers(
    trunk_edge: TrunkEdge, switch: Callable[[int], UdpSwitch]
) -> None:
    first, second = switch(9), switch(9)
    first.options = second.options = "200 OK"
    edge = trunk_edge(first.address, options_s=1)
    edge.wait_event("trunk.up")
    text = edge.file.read_text()
    edge.file.write_text(text.replace(first.address, second.address))
    os.kill(edge.process.pid, signal.SIGHUP)
    edge.wait_event("trunk.up", count=2)
    asked = first.asked
    wait_until(lambda: second.asked >= 3, 20, "OPTIONS to the new server")
    assert first.asked <= asked + 1
    assert list(servers(edge)) == [f"sip:{second.address}"]
