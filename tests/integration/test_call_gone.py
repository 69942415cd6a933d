"""What is left of a call that is over: nothing, and without a visit of the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, ClassVar

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
from sipua.calls.call import Call
from sipua.calls.menus.menu import Menu, ToQueue
from sipua.calls.menus.queue.queue import Queue
from sipua.codecs.g711 import Law
from sipua.queue.orders import QueueNews, QueueOffer
from sipua.rtp.ports import PortPool
from sipua.rtp.session.traffic import Traffic
from sipua.sip.messages import CallConfirmed
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


async def test_H5_a_call_is_freed_that_was_in_a_queue_and_talked_with_a_member() -> None:
    await _are_gone(await _queued())


async def _talk(url: str) -> Gone:
    block = PortBlock(40)
    first, last = block.range(20)
    block.close()
    ports = PortPool(("127.0.0.1",), first, last)
    local = ports.reserve(0.0)
    choice = EngineChoice(
        "agent", lambda past, _: create("local", EngineSettings(url=url, past=past))
    )
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


class _InQueue:
    """It stands in for the agents of a call that has none, and for its opening."""

    menus: Mapping[str, Menu] = {}
    queues: ClassVar = {"people": Queue("people")}
    talking = False

    def __init__(self) -> None:
        self.on_queue: Callable[[QueueNews], None] | None = None

    async def run(self, call: Call) -> None:
        await call.lead(ToQueue("people"))

    async def leave(self) -> None:
        """There is none."""

    def note(self, event: str, fields: Mapping[str, Any]) -> None:
        """There is no record."""


async def _queued() -> Gone:
    waits = _InQueue()
    story = Story(opening=waits)  # type: ignore[arg-type]  # a stand-in, as below
    story.call.agents = waits  # type: ignore[assignment]
    leg = SimpleNamespace(
        before_answer=lambda: None, start=lambda: None, close=lambda: None, traffic=Traffic
    )
    bridge: Any = story.bridge
    bridge.leg = SimpleNamespace(tap=None, another=lambda *_: leg)
    bridge.through = SimpleNamespace(joint=None, join=lambda *_: None, part=lambda: None)
    bridge.set_aside = bridge.fill = bridge.interrupt = lambda *_: None
    await story.settle()
    assert waits.on_queue is not None
    waits.on_queue(QueueOffer("c-test", 1, {"anna": "sip:a@pbx", "ben": "sip:b@pbx"}, "", 20.0))
    await story.confirm()
    await story.settle()
    for number in (1, 2):
        story.call.second.take(f"c-test.b{number}", None, ExitStack())  # type: ignore[arg-type]
    story.call.on_sip(CallConfirmed("c-test.b2"))
    assert story.call.second.up
    ringing = weakref.ref(story.call.second._ringing)
    await story.end()
    sent = [type(order).__name__ for order in story.sent]
    assert sent.count("Hangup") == 2, "CANCEL to one, BYE to the other"
    return [weakref.ref(story.call), weakref.ref(story.bridge), ringing]  # type: ignore[list-item]


async def _are_gone(made: Gone) -> None:
    """Tasks and timers that were cancelled leave the loop at its next turns."""
    async with asyncio.timeout(10):
        while any(one() is not None for one in made):
            left = [type(one()).__name__ for one in made if one() is not None]
            await asyncio.sleep(0.01)
    assert made, left
