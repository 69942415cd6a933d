"""The local agent's voice with the real espeak-ng."""

import pytest
from sipua.bridge.agent.formats import PCM
from sipua.bridge.agent.scenario import Scenario, Step
from sipua.bridge.agent.server import AgentServer
from sipua.bridge.agent.settings import AgentSettings
from sipua.bridge.agent.voice import LEVEL_DBFS

from support.agent_client import audio_of, one
from support.audio import level_dbfs
from support.sdk_client import calling

pytestmark = pytest.mark.peer
HELLO = "Hello, this is a rehearsal."


async def test_espeak_ng_speaks_for_the_agent() -> None:
    scenario = Scenario(steps=(Step(on="greeting", say=HELLO),))
    async with (
        AgentServer(AgentSettings(scenario=scenario)) as server,
        calling(server) as client,
    ):
        await client.connection.response.create()
        events = await client.until("response.done")
    said = PCM.decode(audio_of(events))
    assert 1000 < said.size / 24 < 4000
    assert abs(level_dbfs(said) - LEVEL_DBFS) < 1.0
    assert one(events, "response.output_audio_transcript.done")["transcript"] == HELLO
