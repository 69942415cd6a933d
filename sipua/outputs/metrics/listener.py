"""The port that Prometheus asks: `GET /metrics`, and nothing else.

There is no token. So on an address of this machine alone, only this machine's names for it count: a
page in a browser here could have its own name lead to 127.0.0.1 (DNS rebinding), and read what is
not for it. The API needs no such rule, as its token is no cookie: such a page does not have it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web

from sipua.bridge.fault_owner import FaultOwner
from sipua.control.http.connections import IDLE_S, Connections, bound, listen
from sipua.control.http.sending import send
from sipua.outputs.metrics.exposition import Page
from sipua.rtp.hostport import is_address, is_loopback, join, split

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
        response = self._answer(request)
        await send(request, response)
        return response

    def _answer(self, request: web.BaseRequest) -> web.Response:
        host = request.headers.get("Host", "")
        if host and is_loopback(self._address[0]) and not _is_of_this_machine(host):
            return _refused(request, 421, "Host: an IP address, or localhost\n")
        if request.path != "/metrics":
            return _refused(request, 404, "GET /metrics\n")
        if request.method not in ("GET", "HEAD"):
            return _refused(request, 405, "GET\n")
        form, text = self._page.text(request.headers.get("Accept", ""), time.monotonic())
        response = web.Response(body=text)
        response.headers["Content-Type"] = form
        return response


def _is_of_this_machine(host: str) -> bool:
    """A name other than localhost may be anyone's, and lead anywhere."""
    try:
        name, _ = split(host)
    except ValueError:
        return False
    return is_address(name) or is_loopback(name)


def _refused(request: web.BaseRequest, status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text)
    if status == 405:
        response.headers["Allow"] = "GET, HEAD"
    if not request.content.at_eof():
        response.force_close()
    return response
