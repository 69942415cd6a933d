"""The vendor's own client against the local agent; the official types judge what both say."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from sipua.bridge.agent.server.server import AgentServer
from support.engine.realtime_types import accepted_client_event, accepted_server_event

Event = dict[str, Any]


class Judged:
    """The official client; what it sends and gets is judged by the official types."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.log: list[Event] = []
        send = connection._connection.send

        async def judged_send(message: str, *arguments: Any, **named: Any) -> None:
            accepted_client_event(message)
            await send(message, *arguments, **named)

        connection._connection.send = judged_send  # type: ignore[method-assign,assignment]

    async def next(self) -> Event:
        event = accepted_server_event(await self.connection.recv_bytes())
        self.log.append(event)
        return event

    async def until(self, event_type: str, timeout_s: float = 20) -> list[Event]:
        events: list[Event] = []
        async with asyncio.timeout(timeout_s):
            while not events or events[-1]["type"] != event_type:
                events.append(await self.next())
        return events

    async def say(self, pcm: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        for start in range(0, pcm.size, 480):
            data = pcm[start : start + 480].astype("<i2").tobytes()
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(data).decode())


@contextlib.asynccontextmanager
async def calling(server: AgentServer, key: str = "any") -> AsyncIterator[Judged]:
    base = server.url.removesuffix("/realtime")
    client = AsyncOpenAI(
        api_key=key,
        base_url=base.replace("ws://", "http://"),
        websocket_base_url=base,
    )
    async with client.realtime.connect(model="gpt-realtime") as connection:
        judged = Judged(connection)
        assert (await judged.next())["type"] == "session.created"
        yield judged
    await client.close()
