"""`sipua top` in a real pseudo-terminal, beside a real edge with real calls."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipua.process.exits import Exit
from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.commands import environment
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until
from support.screen import LEAVES, Screen

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
Tops = Callable[..., Screen]
SIPUA = [sys.executable, "-m", "sipua"]
ENTERS = b"\x1b[?1049h"


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Tops]:
    started: list[Screen] = []

    def start(edge: Edge, *words: str, right: str = "admin", **more: Any) -> Screen:
        env = environment(tmp_path, Api(edge), right) | more.pop("env", {})
        started.append(Screen([*SIPUA, "top", *words], env, **more))
        return started[-1]

    yield start
    for screen in started:
        screen.close()


def test_a_call_is_watched_and_hung_up_by_keys(edge_factory: Edges, sipp: Sipp, top: Tops) -> None:
    edge = edge_factory({"api": api_config(), "edge": {"name": "berlin", "workers": 2}})
    call = sipp.start("uac_call_ended_by_peer", edge.address, FROM="4915123451234")
    call_id = edge.wait_event("call.confirmed")["call_id"]
    screen = top(edge, columns=120)
    shown = screen.wait_for("sipua berlin", call_id, "active", "…1234", "PCMU", "workers 2/2")
    assert "calls 1/" in shown
    assert "cyan" in screen.colours()

    screen.press("/zzz\r")
    screen.wait_for("no call fits the filter", "/zzz  0 fit")
    screen.press("/\x15")
    screen.press("1234\r")
    screen.wait_for(call_id, "/1234  1 fit")
    screen.press("\x1b")
    screen.wait_for("Enter call", gone="fit")

    screen.press("\r")
    screen.wait_for("1 now", "received", "round trip", "agent spoke")
    screen.press("2")
    screen.wait_for("INVITE sip:", "200 OK (", "ACK sip:", "▶│", "│◀")
    screen.press("\t")
    screen.wait_for("call.incoming", "call.answered", "engine.in_use")
    screen.press("\x1b")
    screen.wait_for("calls 1/", gone="call.incoming")

    screen.resize(44, 10)
    narrow = screen.wait_for("state", "active", "…1234", gone="engine")
    assert max(map(len, narrow.splitlines())) <= 44
    screen.resize(120, 24)
    screen.wait_for("engine", "PCMU")

    screen.press("x")
    screen.wait_for(f"Hang up {call_id}", "y/n")
    screen.press("x")
    screen.wait_for("not done")
    screen.press("xy")
    screen.wait_for("no calls", "calls 0/")
    call.stop()
    end = edge.wait_event("call.ended")["end"]
    assert (end["by"], end["detail"]) == ("operator", "admin: sipua top")

    screen.press("d")
    screen.wait_for("Drain: take no more calls", "y/n")
    screen.press("y")
    screen.wait_for("DRAINING")
    screen.press("dy")
    screen.wait_for("calls are taken again", gone="DRAINING")
    edge.wait_event("edge.drain_ended")

    screen.press("q")
    assert screen.end() == Exit.OK
    assert LEAVES in screen.raw
    assert screen.attributes == screen.before


def test_a_token_that_may_only_look(edge_factory: Edges, sipp: Sipp, top: Tops) -> None:
    edge = edge_factory({"api": api_config()})
    call = sipp.start("uac_call", edge.address, pause_ms=60_000)
    edge.wait_event("call.confirmed")
    screen = top(edge, right="readonly", env={"NO_COLOR": "1"})
    screen.wait_for("active")
    screen.press("xy")
    screen.wait_for("This token may not do that")
    screen.press("\r2")
    screen.wait_for("This token may not do that")  # SIP messages are for operators
    assert screen.colours() == {"default"}
    screen.press("q")
    assert screen.end() == Exit.OK
    assert screen.attributes == screen.before
    call.stop()


def test_the_api_goes_and_comes_back(edge_factory: Edges, top: Tops) -> None:
    ports = PortBlock(2)
    try:
        edge = edge_factory({"api": api_config(port=ports.port()), "edge": {"name": "berlin"}})
        screen = top(edge, "--every", "0.2")
        screen.wait_for("sipua berlin", gone="! the API")
        assert edge.stop() == 0
        screen.wait_for("! the API is lost for", "does not answer", "sipua berlin")
        edge.start()
        screen.wait_for("sipua berlin", gone="! the API", timeout_s=30)
        screen.press("q")
        assert screen.end() == Exit.OK
    finally:
        ports.close()


def test_ctrl_z_and_the_end_of_the_process_give_the_terminal_back(
    edge_factory: Edges, top: Tops
) -> None:
    screen = top(edge_factory({"api": api_config()}))
    screen.wait_for("no calls")
    os.kill(screen.pid, signal.SIGTSTP)
    wait_until(lambda: _state(screen.pid) == "T", 10, "its stop")
    screen.wait_for("")
    assert LEAVES in screen.raw
    assert screen.attributes == screen.before
    screen.raw = b""
    os.kill(screen.pid, signal.SIGCONT)
    screen.wait_for("no calls")
    wait_until(lambda: screen.wait_for("") and ENTERS in screen.raw, 10, "its screen")
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.end() == Exit.TERMINATED
    assert LEAVES in screen.raw
    assert screen.attributes == screen.before


def test_ctrl_c_ends_it_at_any_moment(edge_factory: Edges, top: Tops) -> None:
    edge = edge_factory({"api": api_config()})
    moments = random.Random(7)
    for _ in range(12):
        screen = top(edge, "--every", "0.2", right="readonly")
        wait_until(lambda one=screen: one.wait_for("") and ENTERS in one.raw, 20, "its screen")
        time.sleep(moments.uniform(0.0, 0.4))
        screen.press("\r2\t\x03")
        assert screen.end() == Exit.INTERRUPTED
        assert screen.raw.rstrip().endswith(LEAVES)
        assert screen.attributes == screen.before


def test_it_ends_with_its_terminal(edge_factory: Edges, top: Tops) -> None:
    screen = top(edge_factory({"api": api_config()}))
    screen.wait_for("no calls")
    screen.hang_up()
    assert screen.end() != 0


def test_once_is_for_scripts(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    edge = edge_factory({"api": api_config()})
    call = sipp.start("uac_call", edge.address, pause_ms=60_000)
    call_id = edge.wait_event("call.confirmed")["call_id"]
    env = environment(tmp_path, Api(edge), "readonly")

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [*SIPUA, "top", *words]
        return subprocess.run(
            command,
            env={**env, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )

    once = run("--once")
    assert (once.returncode, once.stderr) == (0, "")
    assert call_id in once.stdout
    assert "\x1b" not in once.stdout
    assert max(map(len, run("--once", COLUMNS="60").stdout.splitlines())) <= 60
    found = json.loads(run("--once", "--json").stdout)
    assert [one["id"] for one in found["calls"]] == [call_id]
    assert found["edge"]["calls"] == 1
    assert call_id not in run("--once", "--filter", "nobody").stdout
    assert run().returncode == Exit.USAGE
    assert "no terminal" in run().stderr
    assert run("--once", SIPUA_TOKEN_FILE="").returncode == Exit.USAGE
    gone = run("--once", SIPUA_API_URL=f"http://{LOOPBACK}:1")
    assert gone.returncode == Exit.NETWORK
    assert "does the edge run, with api.enabled?" in gone.stderr
    call.stop()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
