"""Connections of the API have a bound, and each is counted once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from sipua.control.http.connections import Connections, listen
from support.ports import LOOPBACK
from support.process import until

MOST = 100


def run(judge: Callable[[Connections, int], Awaitable[None]], tls: bool = False) -> None:
    async def main() -> None:
        sock = listen(LOOPBACK, 0)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        connections = Connections(sock, asyncio.Protocol, context, MOST)
        serving = asyncio.create_task(connections.serve())
        try:
            await judge(connections, sock.getsockname()[1])
        finally:
            serving.cancel()

    uvloop.run(main())


def test_a_burst_that_fits_is_taken_whole() -> None:
    async def judge(connections: Connections, port: int) -> None:
        # All of them wait before the first is accepted.
        peers = [socket.create_connection((LOOPBACK, port), 5) for _ in range(MOST)]
        await until(lambda: len(connections) == MOST)
        assert connections.turned_away == 0
        one_more = socket.create_connection((LOOPBACK, port), 5)
        await until(lambda: connections.turned_away == 1)
        assert one_more.recv(1) == b""
        peers.pop().close()
        await until(lambda: len(connections) == MOST - 1)
        peers.append(socket.create_connection((LOOPBACK, port), 5))
        await until(lambda: len(connections) == MOST)
        assert connections.turned_away == 1
        for peer in (*peers, one_more):
            peer.close()
        await until(lambda: len(connections) == 0)

    run(judge)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_handshake_that_fails_gives_its_place_back(said: bytes) -> None:
    async def judge(connections: Connections, port: int) -> None:
        with socket.create_connection((LOOPBACK, port), 5) as peer:
            await until(lambda: len(connections) == 1)
            peer.sendall(said)
        await until(lambda: len(connections) == 0)

    run(judge, tls=True)
