"""The port that Prometheus asks: `GET /metrics`, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web

from sipua.bridge.fault_owner import FaultOwner
from sipua.control.http.connections import IDLE_S, Connections, bound, listen
from sipua.outputs.metrics.exposition import Page
from sipua.rtp.hostport import join

MOST_CONNECTIONS = 20
_SHUTDOWN_S = 1.0

# What strangers can cause is no line of the log each.
_quiet = logging.getLogger("sipua.outputs.metrics")
_quiet.setLevel(logging.CRITICAL + 1)


class Listener:
    """On the running loop, which is not that of the edge."""

    def __init__(self, page: Page, host: str, port: int) -> None:
        self._page = page
        self._address = host, port
        self._server: web.Server | None = None
        self._accepting: asyncio.Task[None] | None = None

    async def open(self) -> str:
        """Begin; returns where. Raises OSError."""
        sock = listen(*self._address)
        self._server = web.Server(
            self._handle,
            handler_cancellation=True,
            keepalive_timeout=IDLE_S,
            access_log=None,
            logger=_quiet,
        )
        connections = Connections(sock, self._server, None, bound(MOST_CONNECTIONS))
        self._accepting = FaultOwner().task(connections.serve(), "metrics connections")
        host, port, *_ = sock.getsockname()
        return join(host, port)

    async def close(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        if self._server is not None:
            await self._server.shutdown(_SHUTDOWN_S)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return _refused(request, 404, "GET /metrics\n")
        if request.method not in ("GET", "HEAD"):
            return _refused(request, 405, "GET\n")
        form, text = self._page.text(request.headers.get("Accept", ""), time.monotonic())
        response = web.Response(body=text)
        response.headers["Content-Type"] = form
        return response


def _refused(request: web.BaseRequest, status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text)
    if status == 405:
        response.headers["Allow"] = "GET, HEAD"
    if not request.content.at_eof():
        response.force_close()
    return response
