"""The websocket to an engine in a test: what it hands over, and servers for its other end."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_link import websocket
from sipua.bridge.engine_link.errors import EngineClosed
from support.engine.scripted_engine import Peer

KEY = "sk-very-secret-key"
HEADERS = {"Authorization": f"Bearer {KEY}"}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Inbox:
    """What a socket hands over."""

    def __init__(self) -> None:
        self.messages: list[bytes | str] = []
        self.ends: list[EngineClosed] = []
        self._arrived = asyncio.Event()

    def on_message(self, message: bytes | str) -> None:
        self.messages.append(message)
        self._arrived.set()

    def on_closed(self, closed: EngineClosed) -> None:
        self.ends.append(closed)
        self._arrived.set()

    async def until(self, condition: Callable[["Inbox"], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                self._arrived.clear()
                await self._arrived.wait()

    async def end(self) -> EngineClosed:
        await self.until(lambda inbox: bool(inbox.ends))
        return self.ends[0]


async def connect(url: str, inbox: Inbox | None = None, **options: Any) -> websocket.Socket:
    inbox = inbox or Inbox()
    return await websocket.connect(
        url,
        options.pop("headers", HEADERS),
        on_message=inbox.on_message,
        on_closed=inbox.on_closed,
        open_timeout_s=options.pop("open_timeout_s", 5),
        **options,
    )


async def failure(url: str, **options: Any) -> EngineConnectError:
    with pytest.raises(EngineConnectError) as caught:
        await connect(url, **options)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__  # the library's own error never reaches a traceback
    assert KEY not in str(error)
    return error


async def echo(peer: Peer) -> None:
    async for message in peer.connection:
        await peer.connection.send(message)


async def idle(peer: Peer) -> None:
    with contextlib.suppress(Exception):
        await peer.connection.wait_closed()


def run(loop: str, scenario: Any) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(scenario)
