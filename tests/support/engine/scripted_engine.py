"""A websocket server that does just what a test tells it to, faults above all.

The local agent is the well-behaved counterpart; this one is for what no good server does.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from support.engine.realtime_types import accepted_client_event, accepted_server_event

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: ServerConnection, over: asyncio.Event) -> None:
        self.connection = connection
        self._over = over
        self.received: list[dict[str, Any]] = []

    async def send(self, type_: str, **fields: Any) -> None:
        message = json.dumps({"type": type_, "event_id": "event_1", **fields})
        accepted_server_event(message)
        await self.connection.send(message)

    async def send_raw(self, message: bytes | str) -> None:
        await self.connection.send(message, text=True)

    async def expect(self, type_: str) -> dict[str, Any]:
        """The next event of this type; all that comes before is checked and kept, too."""
        while True:
            event = accepted_client_event(await self.connection.recv(decode=False))
            self.received.append(event)
            if event["type"] == type_:
                return event

    async def make_ready(self) -> None:
        session = {"id": "sess_1", "object": "realtime.session", "type": "realtime"}
        await self.send("session.created", session=session)
        await self.expect("session.update")
        await self.send("session.updated", session=session)

    def stop_reading(self) -> None:
        """From now on only the kernel takes what comes: no pong either."""
        self.connection.transport.pause_reading()

    async def vanish(self) -> None:
        """As if the cable had been cut: nothing is read, sent or closed until the test ends."""
        self.stop_reading()
        await self._over.wait()

    async def until_closed(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                event = accepted_client_event(await self.connection.recv(decode=False))
                self.received.append(event)


class ScriptedEngine:
    def __init__(self, port: int, scheme: str) -> None:
        self.url = f"{scheme}://127.0.0.1:{port}/v1/realtime"
        self.requests: list[Request] = []
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []


Answer = tuple[HTTPStatus, dict[str, str], str]


@contextlib.asynccontextmanager
async def scripted_engine(
    script: Script | None = None,
    *,
    answer: Answer | Callable[[Request], Answer | None] | None = None,
    **options: Any,
) -> AsyncIterator[ScriptedEngine]:
    """Run `script` for each connection, or give each request this HTTP answer, or that which
    `answer` finds for it."""

    over = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        assert script is not None
        peer = Peer(connection, over)
        engine.peers.append(peer)
        try:
            await script(peer)
        except ConnectionClosed:
            pass  # the client went before the script's end: the test's to judge
        except BaseException as error:
            engine.errors.append(error)
            raise

    def on_request(connection: ServerConnection, request: Request) -> Response | None:
        engine.requests.append(request)
        given = answer(request) if callable(answer) else answer
        if given is None:
            return None
        status, headers, body = given
        response = connection.respond(status, body)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async with serve(
        handle,
        "127.0.0.1",
        0,
        process_request=on_request,
        compression=None,
        max_size=None,
        close_timeout=0.2,
        **options,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        engine = ScriptedEngine(port, "wss" if options.get("ssl") else "ws")
        yield engine
        over.set()
        for peer in engine.peers:
            peer.connection.transport.abort()
    assert engine.errors == []


@contextlib.asynccontextmanager
async def tcp_server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """The port of a server that does not even speak HTTP."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handle(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
