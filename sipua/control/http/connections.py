"""Accepts connections, and not too many: those that shake hands count, too.

A connection beyond the bound is closed at once, so that its peer learns it. A request that does not
come within `IDLE_S` ends its connection, whatever trickles in, and so does an answer of which
nothing is taken, or too little (`sipua/control/http/sending.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import cast

from sipua.bridge.fault_owner import FaultOwner
from sipua.rtp.ports import family_of

IDLE_S = 15.0
_BACKLOG = 512
_HANDSHAKE_S = 5.0
_SEND_BUFFER = 32_768
"""Of the kernel: by itself it would keep megabytes for each of a thousand readers that stand."""
STUCK_MS = 20_000
"""A peer that takes nothing of an answer for so long is gone, also while its kernel is there: it
needs no token to ask for a file of the page, and would keep its place for ever.
"""
_PAUSE_S = 0.2
"""After accepting has failed, as when there are no descriptors left."""


def bound(asked: int) -> int:
    """Connections that leave calls their descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * asked + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    return asked if soft == resource.RLIM_INFINITY else min(asked, soft // 2)


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    sock = socket.socket(family_of(host), socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


class Connections:
    """On the running loop."""

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        most: int,
    ) -> None:
        self._socket = sock
        self._protocol = protocol
        self._tls = tls
        self._most = most
        self._open: set[socket.socket] = set()
        """From accepting to the end: each counts once, whatever its handshake is at."""
        self._beginning: set[asyncio.Task[None]] = set()
        self._faults = FaultOwner()
        self.turned_away = 0

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        with self._socket:
            while True:
                try:
                    peer, _ = await loop.sock_accept(self._socket)
                except OSError:
                    await asyncio.sleep(_PAUSE_S)
                    continue
                if len(self) >= self._most:
                    self.turned_away += 1
                    peer.close()
                    continue
                self._open.add(peer)
                task = self._faults.task(self._begin(peer), "api connection")
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)

    async def _begin(self, peer: socket.socket) -> None:
        leave = partial(self._open.discard, peer)
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Counted(self._protocol(), leave),
                peer,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_S if self._tls else None,
            )
        except (OSError, ConnectionError, ssl.SSLError):  # it went away, or speaks no TLS
            peer.close()
            leave()


class _Counted(asyncio.Protocol):
    """Passes everything to the protocol of HTTP, and tells when the connection is gone."""

    def __init__(self, inner: asyncio.Protocol, gone: Callable[[], None]) -> None:
        self._inner = inner
        self._gone = gone
        self.data_received = inner.data_received  # type: ignore[method-assign]
        self.pause_writing = inner.pause_writing  # type: ignore[method-assign]
        self.resume_writing = inner.resume_writing  # type: ignore[method-assign]
        self.eof_received = inner.eof_received  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Whoever waits for room to write waits until the kernel has all: nothing is left behind.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._gone()
        self._inner.connection_lost(error)
