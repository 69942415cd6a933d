"""Clients without a token that ask and do not read: they must not keep the others out."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from sipua.control.http import connections
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
