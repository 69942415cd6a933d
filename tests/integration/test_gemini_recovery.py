"""A conversation with Gemini Live that outlives its session, over real websockets."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from sipua.bridge.agent.scenario.scenario import Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.events import AudioDone, Used
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import create
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage
from support.engine.line import turn_state
from support.media import audio

SPEECH = audio.tone(300, 600, 16_000).tobytes()
SILENCE_20_MS = bytes(640)
E = TypeVar("E")


class Call:
    def __init__(self, server: AgentServer) -> None:
        self.handles: list[str] = []
        self.pasts: list[int] = []

        def made(past, handle):  # type: ignore[no-untyped-def]
            self.handles.append(handle)
            self.pasts.append(len(past))
            settings = EngineSettings(url=server.gemini_url, past=past, handle=handle)
            return create("gemini_live", settings)

        self.events: list[ConversationEvent] = []
        self.dialogue = Dialogue(
            [EngineChoice("gemini", made, 20.0)],
            policy=DialoguePolicy(backoff_s=0.0),
            on_event=self.events.append,
            turns=turn_state(),
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def say(self, data: bytes) -> None:
        for start in range(0, len(data), 640):
            self.dialogue.append(data[start : start + 640])
            await asyncio.sleep(0.001)

    async def listen(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.say(SILENCE_20_MS)

    async def greeted(self) -> None:
        await self.dialogue.connect(20)
        self.dialogue.speak("Greet the caller.")
        await self.listen(lambda: self.of(Used))

    async def goes_on(self) -> None:
        """With an answer of the new session."""
        before = len(self.of(AudioDone))
        self.dialogue.speak(None)
        await self.listen(lambda: len(self.of(AudioDone)) > before)
        await self.dialogue.close()
        assert self.of(EngineGone) == []


async def test_M2_a_session_that_is_lost_in_an_answer_is_followed_by_one_that_is_told_all() -> None:
    """Within an answer there is no handle: the vendor has none of a state that is not complete."""
    lost = Step(on="speech", tone_ms=2000, close=1011, after_ms=500, scope="server")
    async with AgentServer(AgentSettings(scenario=Scenario(steps=(lost,)))) as server:
        call = Call(server)
        await call.greeted()
        await call.say(SPEECH)
        await call.listen(lambda: len(call.of(EngineInUse)) == 2)
        assert len(call.of(EngineOutage)) == 1
        assert call.handles == ["", ""]
        assert call.pasts[1] > 0
        await call.goes_on()


@pytest.mark.parametrize("known", [True, False], ids=["handle", "refused handle"])
async def test_M2_between_answers_the_next_one_goes_on_by_a_handle(known: bool) -> None:
    lost = Step(on="time", at_s=8.0, close=1011, scope="server")
    async with AgentServer(AgentSettings(scenario=Scenario(steps=(lost,)))) as server:
        call = Call(server)
        await call.greeted()
        if not known:
            server._conversations._resumptions._pasts.clear()
        await call.listen(lambda: len(call.of(EngineInUse)) == 2)
        assert call.handles[1]
        assert call.handles[2:] == ([] if known else [""])
        assert bool(call.pasts[-1]) is not known
        await call.goes_on()


async def test_M3_before_the_end_that_the_server_has_told_another_session_takes_its_place() -> None:
    async with AgentServer(AgentSettings(session_limit_s=30.0)) as server:
        call = Call(server)
        await call.greeted()
        await call.listen(lambda: len(call.of(EngineInUse)) == 2)
        (outage,) = call.of(EngineOutage)  # one closes before the other can begin
        assert "its time is over" in outage.cause
        assert call.handles[1]
        await call.goes_on()
