"""The local agent's voice with the real espeak-ng, and its ears with that voice."""

import pytest

from sipua.bridge.agent.scenario.scenario import Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.formats import PCM, PCMU, converted
from sipua.bridge.agent.speech.recogniser_client import RecogniserClient
from sipua.bridge.agent.speech.voice import LEVEL_DBFS, spoken
from support.engine.agent_client import audio_of, one
from support.engine.recogniser import running
from support.engine.sdk_client import calling
from support.media.audio import level_dbfs

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


async def test_single_words_over_the_phone_are_understood() -> None:
    words = ("yes", "no", "operator", "goodbye", "hang up", "transfer", "account", "order")
    understood = []
    async with running(RecogniserClient(words)) as recogniser:
        for name in ("en-us", "en-us+f3", "en-us+m7", "en-gb+m3"):
            for word in words:
                said = converted(spoken(word, name, 140), PCMU)
                understood.append(await recogniser.words(said) == word)
    print(f"{sum(understood)} of {len(understood)} words were understood")
    assert sum(understood) >= 26
