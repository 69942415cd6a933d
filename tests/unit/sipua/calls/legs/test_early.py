"""What a target sends before its answer: who hears it, and what becomes of it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.dialling import Dialling
from sipua.calls.legs.targets import TransferSettings
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from sipua.events.event import Event
from sipua.log import logs
from sipua.rtp.ports import PortPool
from sipua.sip.messages import CallConfirmed, CallEnded, CallProgress, EndedBy, MediaReady
from support.calls.call_bridge import Phone, Setup, bridge_setup
from support.calls.call_story import MEDIA
from support.ports import PortBlock

pytestmark = pytest.mark.usefixtures("virtual_clock")

LEG = "c-test.b1"
RINGS = encode(Law.PCMU, sine(425, 20, 8000))


class Call:
    """One that is forwarded: it is not answered until its target is."""

    call_id = "c-test"

    def __init__(self, setup: Setup) -> None:
        self.bridge = setup.bridge
        self.faults = FaultOwner("call.failed", logs.bind_call("c-test"))
        self.sent: list[Any] = []
        self.told: list[Event] = []
        self.send = self.sent.append
        self.tell = self.told.append
        self.answered = self.heard = False
        self.asked = 0
        self.media: Any = SimpleNamespace(early=SimpleNamespace(reaches_caller=self._reaches))

    def _reaches(self) -> bool:
        self.asked += 1
        return self.heard

    def answer(self) -> None:
        self.answered = True

    def hang_up(self, *_why: object) -> None:
        """Its target has left."""

    def types(self) -> list[str]:
        return [event.type for event in self.told]


class Story:
    def __init__(self, setup: Setup, early_media: bool | None) -> None:
        self.setup, self.call, self.phone = setup, Call(setup), Phone()
        block = PortBlock(40)
        first, last = block.range(20)
        block.close()
        self._local = PortPool(("127.0.0.1",), first, last).reserve(0.0)
        plan = replace(setup.plan, remote=self.phone.address)
        self.dialling = Dialling(
            self.call,
            LEG,
            "sip:bot@192.0.2.10",
            account="",
            settings=TransferSettings("dial"),
            media_plan=lambda _: plan,
            early_media=early_media,
        )
        self.task = asyncio.create_task(self.dialling.run())

    async def early(self) -> None:
        """183 with SDP."""
        await asyncio.sleep(0)
        self.dialling.take(self._local, ExitStack())
        self.dialling.on_signal(CallProgress(LEG, 183, "Session Progress"))
        self.dialling.on_signal(MediaReady(LEG, MEDIA))

    async def sends(self, frames: int) -> None:
        for _ in range(frames):
            self.phone.send(self._local.port, RINGS)
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self.dialling.give_up("the test is over")
        self.task.cancel()
        self.phone.socket.close()
        self._local.rtp_socket.close()
        self._local.rtcp_socket.close()


async def test_it_is_heard_once_the_caller_can_hear_it_and_the_answer_changes_nothing() -> None:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        one = Story(setup, early_media=True)
        await one.early()
        await one.sends(3)
        assert one.call.asked == 3
        assert setup.bridge.through.joint is None
        one.call.heard = True
        setup.phone.packets()
        await one.sends(10)
        joint = setup.bridge.through.joint
        assert joint is not None
        assert sum(packet.payload == RINGS for packet in setup.phone.packets()) >= 9
        assert one.call.types().count("call.early_media") == 1
        assert not one.call.answered
        one.dialling.on_signal(CallConfirmed(LEG))
        assert setup.bridge.through.joint is joint
        assert one.call.answered
        one.close()


async def test_the_status_counts_whatever_was_heard_before() -> None:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        one = Story(setup, early_media=True)
        one.call.heard = True
        await one.early()
        await one.sends(3)
        assert setup.bridge.through.joint is not None
        one.dialling.on_signal(CallEnded(LEG, EndedBy.PEER, 404, "Not Found"))
        outcome = await one.task
        assert (outcome.ok, outcome.status, outcome.cause) == (False, 404, "unreachable")
        assert setup.bridge.through.joint is None
        one.close()


@pytest.mark.parametrize("early_media", [False, None])
async def test_where_it_is_not_wanted_the_caller_is_not_asked_to_listen(
    early_media: bool | None,
) -> None:
    async with bridge_setup() as setup:
        one = Story(setup, early_media)
        await one.early()
        await one.sends(3)
        assert one.call.asked == 0
        assert setup.bridge.through.joint is None
        one.close()
