"""An answer, or a file, on its way to a client, within a time: one that reads a little now and
then, and so is never quite idle, would keep its place for ever. Streams have bounds of their own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import Final

from aiohttp import web

from sipua.control.http.problems import Kind, ProblemError

WITHIN_S: Final = 20.0
SLOWEST: Final = 32_000
"""Bytes a second that are expected beyond that."""
_BLOCK: Final = 262_144
_STUCK_S: Final = 20.0
"""Of a block of a file."""


async def send(request: web.BaseRequest, response: web.Response) -> None:
    """Until the kernel has all of it. It is cut off when that takes too long."""
    size = len(response.body) if isinstance(response.body, bytes) else 0
    try:
        async with asyncio.timeout(WITHIN_S + size / SLOWEST):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        reset(request.transport)


async def send_file(request: web.BaseRequest, path: Path, media_type: str) -> web.StreamResponse:
    """Block by block, read beside the loop. Raises ProblemError where it is gone by now."""
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError:
        raise ProblemError(Kind.NO_CALL, "it has been deleted") from None
    with file:
        response = web.StreamResponse(
            headers={
                "Content-Type": media_type,
                "Content-Disposition": f'attachment; filename="{path.name}"',
                "Content-Length": str(os.fstat(file.fileno()).st_size),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Server": "sipua",
            }
        )
        await response.prepare(request)
        # Behind the head of an answer to HEAD a client reads the next answer.
        while request.method != "HEAD" and (block := await asyncio.to_thread(file.read, _BLOCK)):
            async with asyncio.timeout(_STUCK_S):
                await response.write(block)
    return response


def reset(transport: asyncio.Transport | None) -> None:
    """End it at once: what waits in the kernel would wait for ever, and its peer not be told."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
