"""The Live server over a real websocket, with the vendor's own client."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.resources.live.live import AsyncLiveConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sipua.bridge.agent.scenario.scenario import FunctionCall, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.prompts import TEXTS, prompt
from support.engine.agent_client import one, only
from support.engine.live_client import RATE_MS, track_of, words_of
from support.engine.live_types import accepted_client_event, accepted_server_event
from support.media.audio import find, tone

Event = dict[str, Any]
STEP = 20 * RATE_MS
QUIET = np.zeros(STEP, np.int16)
TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object"}}


class Judged:
    """The official client; what it sends and gets is judged by the official types."""

    def __init__(self, connection: AsyncLiveConnection) -> None:
        self.connection = connection
        self.log: list[Event] = []
        send = connection._connection.send

        async def judged_send(message: str, *arguments: Any, **named: Any) -> None:
            accepted_client_event(message)
            await send(message, *arguments, **named)

        connection._connection.send = judged_send  # type: ignore[method-assign,assignment]

    async def start(self, **session: Any) -> None:
        await self.connection.session.start(session={"model": "gpt-live-1", **session})
        await self.until("session.started")

    async def until(self, event_type: str) -> Event:
        async with asyncio.timeout(20):
            while not self.log or self.log[-1]["type"] != event_type:
                self.log.append(accepted_server_event(await self.connection.recv_bytes()))
        return self.log[-1]

    async def hear(self, ms: int) -> None:
        """So much of the track, wherever it is; it comes by tenths of a second."""
        ms -= ms % 100
        before = len(track_of(self.log))
        while len(track_of(self.log)) - before < ms * RATE_MS:
            await self.until("session.output_audio.delta")
            self.log.append({"type": "read"})

    async def say(self, pcm: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        for start in range(0, pcm.size, STEP):
            data = pcm[start : start + STEP].astype("<i2").tobytes()
            await self.connection.session.input_audio.append(audio=base64.b64encode(data).decode())

    async def wait(self, ms: int) -> None:
        await self.say(np.zeros(ms * RATE_MS, np.int16))
        await self.hear(ms)


@contextlib.asynccontextmanager
async def calling(server: AgentServer, key: str = "any") -> AsyncIterator[Judged]:
    base = server.live_url.removesuffix("/live/sessions")
    client = AsyncOpenAI(
        api_key=key, base_url=base.replace("ws://", "http://"), websocket_base_url=base
    )
    async with client.live.connect() as connection:
        yield Judged(connection)
    await client.close()


async def test_the_official_client_has_a_conversation() -> None:
    greeting = np.frombuffer(prompt("greeting").data, "<i2")
    async with AgentServer(AgentSettings()) as server, calling(server) as client:
        await client.start(instructions="Be kind.")
        await client.connection.session.commentary.append(content="Greet.", delegation_id=None)
        await client.wait(len(greeting) // RATE_MS + 1000)
        assert words_of(client.log) == TEXTS["greeting"]
        assert find(greeting, track_of(client.log), rate_hz=24_000).score > 0.999
        await client.connection.session.close()
        closed = await client.until("session.closed")
        assert closed["reason"] == "close_requested"
        with pytest.raises(ConnectionClosed):
            await client.connection.recv_bytes()
        assert client.connection._connection.close_code == 1000
    assert server.counters.sessions == 1
    assert server.counters.responses == 1


async def test_the_official_client_is_called_for_a_tool() -> None:
    step = Step(on="speech", call=(FunctionCall(name="clock"),))
    settings = AgentSettings(scenario=Scenario(steps=(step, Step(on="tool_result", tone_ms=400))))
    async with AgentServer(settings) as server, calling(server) as client:
        backend = {"type": "responses", "responses": {"model": "m", "tools": [TOOL]}}
        await client.start(delegation=backend)
        await client.say(tone(300, 600, 24_000))
        await client.wait(1500)
        steps = [event["event"] for event in only(client.log, "response.event")]
        item = one(steps, "response.output_item.done")["item"]
        await client.connection.response.item.create(
            item={"type": "function_call_output", "call_id": item["call_id"], "output": "12:00"}
        )
        await client.connection.response.create()
        client.log.clear()
        await client.wait(1000)
        assert np.abs(track_of(client.log).astype(int)).max() > 1000


async def test_both_protocols_on_one_server() -> None:
    async with AgentServer(AgentSettings()) as server:
        assert server.url.endswith("/v1/realtime")
        assert server.live_url.endswith("/v1/live/sessions")
        async with connect(server.url) as realtime, connect(server.live_url):
            assert b"session.created" in await realtime.recv(decode=False)


@pytest.mark.parametrize(
    ("path", "status"),
    [("?model=gpt-live-1", HTTPStatus.BAD_REQUEST), ("/live_1", HTTPStatus.NOT_FOUND)],
)
async def test_the_address_is_the_vendors(path: str, status: HTTPStatus) -> None:
    async with AgentServer(AgentSettings()) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.live_url + path)
        assert caught.value.response.status_code == status


async def test_the_key_is_asked_for() -> None:
    async with AgentServer(AgentSettings(api_key="right")) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.live_url)
        assert caught.value.response.status_code == HTTPStatus.UNAUTHORIZED
        async with calling(server, "right") as client:
            await client.start()


async def test_a_session_has_its_time() -> None:
    settings = AgentSettings(session_limit_s=0.3)
    async with AgentServer(settings) as server, calling(server) as client:
        await client.start()
        closed = await client.until("session.closed")
        assert closed["reason"] == "expired"
        with pytest.raises(ConnectionClosed):
            await client.connection.recv_bytes()


async def test_M2_a_connection_that_a_scenario_ends() -> None:
    settings = AgentSettings(scenario=Scenario(steps=(Step(close=1011),)))
    async with AgentServer(settings) as server, calling(server) as client:
        await client.start()
        await client.connection.session.commentary.append(content="Greet.", delegation_id=None)
        await client.say(np.zeros(500 * RATE_MS, np.int16))
        with pytest.raises(ConnectionClosed):
            await client.hear(5000)
        assert client.connection._connection.close_code == 1011
