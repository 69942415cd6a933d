import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage

from sipua.bridge.agent.process import AgentError, AgentProcess
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from support.engine.realtime_types import accepted_server_event


async def answers(url: str) -> bool:
    headers = {"Authorization": "Bearer secret"}
    async with connect(url, additional_headers=headers) as connection:
        return accepted_server_event(await connection.recv())["type"] == "session.created"


async def test_the_agent_is_started_and_stopped() -> None:
    agent = AgentProcess(AgentSettings(api_key="secret"))
    url = await agent.start()
    assert await answers(url)
    pid = agent.pid
    assert pid is not None
    assert b"secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()  # noqa: ASYNC240
    await agent.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_dead_agent_comes_back_at_its_old_address() -> None:
    agent = AgentProcess(AgentSettings())
    url = await agent.start()
    try:
        assert agent.pid is not None
        os.kill(agent.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                await asyncio.sleep(0.05)
                try:
                    assert await answers(url)
                    break
                except (OSError, InvalidMessage):  # the old one may just be dying
                    continue
        assert (agent.url, agent.restarts) == (url, 1)
    finally:
        await agent.stop()


async def test_an_agent_that_cannot_start_is_an_error() -> None:
    async with AgentServer(AgentSettings()) as taken:
        with pytest.raises(AgentError):
            await AgentProcess(AgentSettings(port=taken.port)).start()


async def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import asyncio\n"
        "from sipua.bridge.agent.process import AgentProcess\n"
        "from sipua.bridge.agent.scenario.settings import AgentSettings\n"
        "async def main():\n"
        "    agent = AgentProcess(AgentSettings())\n"
        "    await agent.start()\n"
        "    print(agent.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        pid = int(await parent.stdout.readline())
        parent.kill()
        await parent.wait()
        while Path(f"/proc/{pid}/exe").exists():  # noqa: ASYNC240
            await asyncio.sleep(0.05)
