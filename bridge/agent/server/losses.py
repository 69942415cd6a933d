"""How a connection is lost on purpose: closed, reset, or frozen half-open."""

import asyncio
import socket
import struct

from websockets.asyncio.server import ServerConnection

from sipua.bridge.agent.realtime.response import Loss

FROZEN_S = 300.0  # then it is reset: a client that still waits waits for ever
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def lose(connection: ServerConnection, loss: Loss) -> None:
    if loss.kind == "close":
        await connection.close(loss.code, "rehearsed")
    elif loss.kind == "cut":
        cut(connection)
    else:
        await _freeze(connection)


def cut(connection: ServerConnection) -> None:
    """Send TCP's RST, as a crashed host or a firewall does."""
    own: socket.socket | None = connection.transport.get_extra_info("socket")
    if own is None or connection.transport.is_closing():
        return  # the other side closed first
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.transport.abort()


async def _freeze(connection: ServerConnection) -> None:
    """Stop reading: the kernel takes what comes until its buffer is full, and no ping is answered.
    Ends when the server closes the connection.
    """
    connection.transport.pause_reading()
    if connection.keepalive_task is not None:
        connection.keepalive_task.cancel()
    try:
        async with asyncio.timeout(FROZEN_S):
            await connection.wait_closed()
    except TimeoutError:
        cut(connection)
