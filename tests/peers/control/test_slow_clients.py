"""Clients without a token that ask and do not read: they must not keep the others out."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from sipua.control.http import connections, sending, server
from support.calls.crowded_api import CrowdedApi
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

MOST = 10
ASKED = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[CrowdedApi]:
    monkeypatch.setattr(connections, "STUCK_MS", 1000)
    crowded = CrowdedApi(max_connections=MOST)
    yield crowded
    crowded.close()


def asked(port: int, request: bytes) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(5)
    sock.connect((LOOPBACK, port))
    sock.sendall(request)
    return sock


def answers(port: int) -> bool:
    """Whether somebody else is served."""
    try:
        with asked(port, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n") as sock:
            return sock.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@pytest.mark.parametrize("times", [1, 4])
def test_who_does_not_read_his_answer_loses_his_place(api: CrowdedApi, times: int) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(MOST):
            held.enter_context(asked(api.port, ASKED * times))
        wait_until(lambda: not answers(api.port), 10, "all places taken")
        wait_until(lambda: answers(api.port), 30, "their places given to others")


def test_who_reads_a_little_now_and_then_loses_his_place(
    api: CrowdedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel sees a peer that is alive, and the answer never ends."""
    monkeypatch.setattr(sending, "WITHIN_S", 1.0)
    monkeypatch.setattr(sending, "SLOWEST", 1_000_000)
    over = threading.Event()
    with contextlib.ExitStack() as held:
        held.callback(over.set)
        socks = [held.enter_context(asked(api.port, ASKED)) for _ in range(MOST)]
        threading.Thread(target=sip_at, args=(socks, over)).start()
        wait_until(lambda: not answers(api.port), 10, "all places taken")
        wait_until(lambda: answers(api.port), 30, "their places given to others")


def sip_at(socks: list[socket.socket], over: threading.Event) -> None:
    """Read a little of each, again and again."""
    while not over.is_set():
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.recv(200)
        time.sleep(0.1)


def test_who_asks_too_often_does_not_make_the_edge_look_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Probes of the machine itself come from the same address."""
    monkeypatch.setattr(server, "_OPEN_PER_SECOND", 1)
    with (
        contextlib.closing(CrowdedApi()) as api,
        contextlib.closing(HTTPConnection(LOOPBACK, api.port, timeout=20)) as connection,
    ):

        def status(path: str) -> int:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert 429 in [status("/openapi.json") for _ in range(50)]
        assert {status("/health/live") for _ in range(100)} == {200}
