"""What is left of a call that is over: nothing, and without a visit of the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.media import MediaPlan
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import create
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.turns.state import TurnState
from sipua.codecs.g711 import Law
from sipua.rtp.ports import PortPool
from support.calls.call_bridge import SETTINGS, Phone
from support.calls.call_story import Story
from support.ports import PortBlock

Gone = list["weakref.ref[Any]"]


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_H5_the_audio_path_of_a_call_is_freed_when_it_is_closed() -> None:
    """Real sockets, a real session with a real agent; it has been greeted, and has spoken."""
    async with AgentServer(AgentSettings()) as server:
        await _are_gone(await _talk(server.url))


async def test_H5_a_call_is_freed_when_it_has_run() -> None:
    await _are_gone(await _run())


async def _talk(url: str) -> Gone:
    block = PortBlock(40)
    first, last = block.range(20)
    block.close()
    ports = PortPool(("127.0.0.1",), first, last)
    local = ports.reserve(0.0)
    choice = EngineChoice("agent", lambda past: create("local", EngineSettings(url=url, past=past)))
    made: Gone = []

    def make(on_event: Callable[[ConversationEvent], None], turns: TurnState) -> Dialogue:
        dialogue = Dialogue([choice], policy=DialoguePolicy(), on_event=on_event, turns=turns)
        made.append(weakref.ref(dialogue))
        return dialogue

    pacer, phone = Pacer(), Phone()
    bridge = CallBridge(
        local=local, pacer=pacer, settings=SETTINGS, make_conversation=make, faults=FaultOwner()
    )
    made.append(weakref.ref(bridge))
    await bridge.connect(5)
    bridge.speak("Greet the caller.")
    plan = MediaPlan(
        remote=phone.address,
        signalling_ip="127.0.0.1",
        law=Law.PCMU,
        payload_type=0,
        law_by_type={0: "PCMU"},
        telephone_event_type=None,
        sends=True,
        receives=True,
    )
    bridge.open_media(plan)
    bridge.start()
    await phone.talk(local.port, 10)
    assert await phone.hear(10)
    await bridge.close()
    assert bridge.stats()["engine"]
    ports.release(local, 0.0)
    pacer.close()
    phone.socket.close()
    return made


async def _run() -> Gone:
    story = Story()
    await story.talk()
    await story.end()
    return [weakref.ref(story.call), weakref.ref(story.bridge)]


async def _are_gone(made: Gone) -> None:
    """Tasks and timers that were cancelled leave the loop at its next turns."""
    async with asyncio.timeout(10):
        while any(one() is not None for one in made):
            left = [type(one()).__name__ for one in made if one() is not None]
            await asyncio.sleep(0.01)
    assert made, left
