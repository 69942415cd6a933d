import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipua.events import edge_events
from sipua.events.stream import EventStream
from sipua.outputs.service_manager import ServiceManager, service_manager
from support.process import until

LISTENING = edge_events.Listening(
    sip="127.0.0.1:5060",
    transports=["udp"],
    rtp_hosts=["127.0.0.1"],
    rtp_ports="1-2",
    engine="local",
    engine_host="",
    max_calls=4,
    workers=[1],
    pjsua2="2.17",
    production=True,
    config="",
)


class Manager:
    """systemd's side of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def read(self) -> list[str]:
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@sipua-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    made = Manager(address)
    yield made
    made.close()


@pytest.mark.asyncio
async def test_ready_calls_draining_stopping(address: str, manager: Manager) -> None:
    events, calls = EventStream("node"), [0]
    environment = {"NOTIFY_SOCKET": address, "PATH": "/bin"}
    told = service_manager(environment, events, lambda: calls[0])
    assert environment == {"PATH": "/bin"}, "no child speaks for us"
    assert told is not None
    await told.start()
    tell = events.teller().tell
    assert manager.read() == []
    tell(LISTENING)
    assert manager.read() == ["READY=1", "STATUS=0 calls"]
    calls[0] = 1
    tell(edge_events.Draining(calls=1, drain_s=None))
    tell(edge_events.DrainEnded(calls=1))
    tell(edge_events.Draining(calls=1, drain_s=3600.0))
    tell(edge_events.Stopped())
    assert manager.read()[2:] == [
        "STATUS=1 call, draining",
        "STATUS=1 call",
        "STATUS=1 call, draining",
        "STOPPING=1",
    ]
    await told.stop()
    tell(LISTENING)
    assert len(manager.read()) == 6


@pytest.mark.asyncio
async def test_H11_the_watchdog_is_told_while_the_loop_runs(address: str, manager: Manager) -> None:
    told = ServiceManager(address, 0.03, EventStream("node"), lambda: 0)
    await told.start()
    await until(lambda: manager.read().count("WATCHDOG=1") >= 3)
    await told.stop()


@pytest.mark.asyncio
async def test_a_manager_that_is_gone_hurts_nothing(tmp_path: Path) -> None:
    events = EventStream("node")
    told = ServiceManager(str(tmp_path / "nobody"), 0.01, events, lambda: 0)
    await told.start()
    events.teller().tell(LISTENING)
    await asyncio.sleep(0.03)
    await told.stop()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "relative"},
        {"WATCHDOG_USEC": "1000000"},
    ],
)
def test_nothing_without_a_socket(environment: dict[str, str]) -> None:
    assert service_manager(environment, EventStream("node"), lambda: 0) is None


@pytest.mark.parametrize(
    ("microseconds", "pid", "watched"),
    [
        ("3000000", "", True),
        ("3000000", "own", True),
        ("3000000", "1", False),
        ("-3", "", False),
        ("²", "", False),
        ("0", "", False),
    ],
)
@pytest.mark.asyncio
async def test_whether_it_is_watched(
    microseconds: str, pid: str, watched: bool, address: str, manager: Manager
) -> None:
    pid = str(os.getpid()) if pid == "own" else pid
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}
    told = service_manager(environment, EventStream("node"), lambda: 0)
    assert told is not None
    await told.start()
    await asyncio.sleep(0)
    assert manager.read() == ["WATCHDOG=1"] * watched
    await told.stop()
