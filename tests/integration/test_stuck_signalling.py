"""H11: processes whose signalling dies, hangs or says nothing, and how they end all the same."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipua.process.exits import Exit
from support.calls.edge import toml
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until
from support.signalling import over_fake_pj

pytestmark = pytest.mark.slow

URI = "sip:200@192.0.2.9"


class Process:
    def __init__(self, home: Path, engine: str) -> None:
        self._home = home
        self._block = PortBlock(20)
        first, last = self._block.range(16)
        self._file = home / "edge.toml"
        self._file.write_text(
            toml(
                {
                    "sip": {"host": LOOPBACK},
                    "rtp": {"port_min": first, "port_max": last},
                    "engine": {"url": engine, "connect_timeout_s": 60},
                    "calls": {"ring_timeout_s": 300},
                    "log": {"format": "json"},
                }
            )
        )

    def start(self, fault: str, command: str, *arguments: str) -> None:
        options = ["--config", str(self._file), *arguments]
        self.child = Child(
            [sys.executable, over_fake_pj.__file__, fault, command, *options],
            self._home / "out.log",
            env={name: value for name, value in os.environ.items() if "SIPUA_" not in name},
        )

    def wait_for(self, words: str) -> None:
        self.child.wait_up(lambda: words in self.told, 30)

    @property
    def told(self) -> str:
        return self.child.log.read_text()

    def close(self) -> None:
        if self.child.exit_status is None:
            self.child.kill()
        self._block.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with socket.create_server((LOOPBACK, 0)) as mute:  # an engine that never says a word
        process = Process(tmp_path, f"ws://{LOOPBACK}:{mute.getsockname()[1]}/v1/realtime")
        yield process
        process.close()


@pytest.mark.parametrize("fault", ["dies", "hangs"])
def test_H11_an_edge_whose_signalling_is_lost_ends_within_10_s(
    process: Process, fault: str
) -> None:
    process.start(fault, "serve")
    wait_until(lambda: "edge.listening" in process.told, 30, "the edge's start")
    assert process.child.wait(10) == Exit.SIGNALLING
    assert '"event":"edge.signalling_lost"' in process.told
    assert f'"exit_code":{Exit.SIGNALLING.value}' in process.told


@pytest.mark.parametrize("command", ["call", "outbound"])
def test_H11_so_does_a_single_call(process: Process, command: str) -> None:
    process.start("dies", command, URI)
    assert process.child.wait(30) == Exit.SIGNALLING
    assert "sipua: SIP signalling is lost: the pjsua2 thread has ended" in process.told


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
@pytest.mark.parametrize(("command", "begun"), [("call", "invite"), ("outbound", "call.placing")])
def test_H11_the_second_ctrl_c_always_ends_a_call(
    process: Process, command: str, begun: str, number: signal.Signals, status: Exit
) -> None:
    """No answer comes, and pjsip says nothing of the end."""
    process.start("mute", command, URI)
    process.wait_for(begun)
    process.child.send(number)
    time.sleep(0.5)  # the kernel merges two signals that come at once
    assert process.child.exit_status is None
    process.child.send(number)
    assert process.child.wait(3) == status


def test_H11_the_second_signal_ends_an_edge_that_hangs(process: Process) -> None:
    process.start("hangs", "serve")
    process.wait_for("edge.listening")
    process.child.send(signal.SIGTERM)
    wait_until(lambda: "edge.draining" in process.told, 5, "the drain")
    process.child.send(signal.SIGINT)
    assert process.child.wait(3) == Exit.INTERRUPTED
