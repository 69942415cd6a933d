"""What is left of an agent's session that is over: nothing, without the garbage collector."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import Callable, Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sipua.bridge.agent.live.conversation import LiveConversation
from sipua.bridge.agent.realtime.conversation import Conversation
from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("url", "request_event"),
    [
        (lambda server: server.url, {"type": "response.create"}),
        (lambda server: server.live_url, {"type": "session.start", "session": {"model": "m"}}),
    ],
    ids=["realtime", "live"],
)
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_H5_a_session_of_the_agent_is_freed_when_its_client_goes(
    url: Callable[[AgentServer], str], request_event: dict[str, object], how: str
) -> None:
    async with AgentServer(AgentSettings()) as server:
        async with connect(url(server)) as client:
            await client.send(json.dumps(request_event))
            await client.recv()
            assert _sessions()
            if how == "abort":
                client.transport.abort()
        await _all_gone()


async def test_H5_a_session_that_the_agent_ends_is_freed() -> None:
    scenario = faults.parse("drop:0.1")
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        async with connect(server.url) as client:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await client.recv()
        await _all_gone()


async def _all_gone() -> None:
    async with asyncio.timeout(10):
        while _sessions():
            await asyncio.sleep(0.01)


def _sessions() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in (Conversation, LiveConversation)]
