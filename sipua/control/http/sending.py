"""An answer on its way to a client, within a time: one that reads a little now and then, and so is
never quite idle, would keep its place for ever. Streams have bounds of their own.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

from aiohttp import web

WITHIN_S: Final = 20.0
SLOWEST: Final = 32_000
"""Bytes a second that are expected beyond that."""


async def send(request: web.BaseRequest, response: web.Response) -> None:
    """Until the kernel has all of it. It is cut off when that takes too long."""
    size = len(response.body) if isinstance(response.body, bytes) else 0
    try:
        async with asyncio.timeout(WITHIN_S + size / SLOWEST):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        reset(request.transport)


def reset(transport: asyncio.Transport | None) -> None:
    """End it at once: what waits in the kernel would wait for ever, and its peer not be told."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
