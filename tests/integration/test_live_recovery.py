"""A conversation with Live that outlives its session, over real websockets."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sipua.bridge.agent.scenario.scenario import Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.events import AudioDelta, AudioDone, Used
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import create
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage
from support.engine.line import turn_state
from support.media import audio

RATE_HZ = 24_000
E = TypeVar("E")
SPEECH = audio.tone(300, 600, RATE_HZ).tobytes()
SILENCE_20_MS = bytes(960)


class Call:
    def __init__(self, server: AgentServer) -> None:
        settings = EngineSettings(url=server.live_url)
        choice = EngineChoice(
            "live",
            lambda past, _: create("openai_live", EngineSettings(url=settings.url, past=past)),
        )
        self.events: list[ConversationEvent] = []
        policy = DialoguePolicy(backoff_s=0.0)
        self.dialogue = Dialogue(
            [choice], policy=policy, on_event=self.events.append, turns=turn_state()
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def say(self, data: bytes) -> None:
        for start in range(0, len(data), 960):
            self.dialogue.append(data[start : start + 960])
            await asyncio.sleep(0.001)

    async def listen(self, condition: Callable[[], object]) -> None:
        """As a call does that goes on: the caller is silent, which is audio, too."""
        async with asyncio.timeout(20):
            while not condition():
                await self.say(SILENCE_20_MS)


async def test_M2_a_session_that_is_lost_is_followed_by_one_that_knows_what_was_said() -> None:
    lost = Step(on="speech", close=1011, scope="server")
    async with AgentServer(AgentSettings(scenario=Scenario(steps=(lost,)))) as server:
        call = Call(server)
        await call.dialogue.connect(5)
        call.dialogue.speak("Greet the caller.")
        await call.listen(lambda: call.of(AudioDone))
        await call.say(SPEECH)
        await call.listen(lambda: len(call.of(EngineInUse)) == 2)
        assert len(call.of(EngineOutage)) == 1
        news = call.of(EngineInUse)[1]
        assert news.why == "reconnected"
        assert news.restored > 0
        before = len(call.of(AudioDone))
        call.dialogue.speak(None)
        await call.listen(lambda: len(call.of(AudioDone)) > before)
        # Each session's first item is its first: they must not be taken for each other.
        items = list(dict.fromkeys(event.item_id for event in call.of(AudioDelta)))
        assert len(items) == len(call.of(AudioDone))
        await call.dialogue.close()
        assert call.of(EngineGone) == []
        assert sum(used.usage.seconds for used in call.of(Used)) > 0
