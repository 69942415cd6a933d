"""The target of a warm transfer: real sockets and sounds, for a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.turns.state import TurnState
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.dial import DialTimes
from sipua.calls.legs.dialling import Dialling
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.legs.targets import TransferSettings
from sipua.codecs.g711 import Law, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.tones import sine
from sipua.events.event import Event
from sipua.log import logs
from sipua.rtp.packet import RtpPacket
from sipua.rtp.ports import PortPool, ReservedPort
from sipua.sip.messages import CallConfirmed, CallProgress, Hangup, MediaReady
from sipua.sip.wire.info_digits import DigitTold
from support.calls.call_bridge import Phone, ScriptedEngine, Setup, bridge_setup
from support.calls.call_story import MEDIA
from support.ports import PortBlock

LEG = "c-test.b1"
TARGET = "sip:support@192.0.2.10"
TEXT, KEYS, GONE = sine(500, 1000, 8000), sine(800, 600, 8000), sine(300, 500, 8000)
HOLD = sine(1500, 1000, 8000)
WARM = Warm(TEXT, KEYS, GONE)
TIMES = DialTimes(ring_s=30, settle_s=2, accept_s=15)


class Call:
    """What a second leg needs of its call."""

    call_id = "c-test"
    answered = True
    media: Any = SimpleNamespace(early=SimpleNamespace(reaches_caller=lambda: True))

    def __init__(self, setup: Setup) -> None:
        self.bridge = setup.bridge
        self.faults = FaultOwner("call.failed", logs.bind_call("c-test"))
        self.sent: list[Any] = []
        self.told: list[Event] = []
        self.send = self.sent.append
        self.tell = self.told.append

    def answer(self) -> None:
        """It is answered already."""

    def hang_up(self, *_why: object) -> None:
        self.sent.append("the call")

    @property
    def hung_up(self) -> bool:
        return Hangup(LEG) in self.sent

    def types(self) -> list[str]:
        return [event.type for event in self.told]


class Story:
    """One warm transfer; the test is the target."""

    def __init__(self, setup: Setup, warm: Warm) -> None:
        self.setup = setup
        self.call = Call(setup)
        self.phone = Phone()
        block = PortBlock(40)
        first, last = block.range(20)
        block.close()
        self._local = PortPool(("127.0.0.1",), first, last).reserve(0.0)
        self.port = self._local.port
        plan = replace(setup.plan, remote=self.phone.address)
        settings = TransferSettings("warm", times=TIMES, waiting=HOLD, hold_sound=HOLD)
        self.dialling = Dialling(
            self.call,
            LEG,
            TARGET,
            account="",
            settings=settings,
            media_plan=lambda _: plan,
            warm=warm,
            beside=self._beside,
        )
        self.agents: list[ScriptedEngine] = []
        """Those that have talked with the target."""
        self.task = asyncio.create_task(self.dialling.run())
        self.packets: list[RtpPacket] = []

    def _beside(self, local: ReservedPort, warm: Warm) -> CallBridge:
        def make(on_event: Callable[[ConversationEvent], None], turns: TurnState) -> ScriptedEngine:
            self.agents.append(ScriptedEngine(on_event))
            return self.agents[-1]

        leg = self.setup.bridge.leg
        return CallBridge(
            local=local,
            pacer=leg._pacer,
            settings=leg.settings,
            make_conversation=make,
            faults=self.call.faults,
        )

    async def answer(self) -> None:
        await asyncio.sleep(0)
        self.dialling.take(self._local, ExitStack())
        self.dialling.on_signal(CallProgress(LEG, 180, "Ringing"))
        self.dialling.on_signal(MediaReady(LEG, MEDIA))
        self.dialling.on_signal(CallConfirmed(LEG))

    async def talk(self, pcm: Pcm) -> None:
        codes = encode(Law.PCMU, pcm)
        for at in range(0, len(codes) - 159, 160):
            self.phone.send(self.port, codes[at : at + 160])
            await asyncio.sleep(0.02)

    def key(self, digit: str) -> None:
        self.dialling.on_signal(DigitTold(LEG, digit, 100))

    async def outcome(self) -> TransferOutcome:
        async with asyncio.timeout(120):
            return await self.task

    def heard(self, what: Pcm) -> int:
        """How many frames of this sound the target has got so far."""
        self.packets += self.phone.packets()
        return frames_of(what, self.packets)

    def close(self) -> None:
        self.dialling.give_up("the test is over")
        self.task.cancel()
        self.phone.socket.close()
        self._local.rtp_socket.close()
        self._local.rtcp_socket.close()


def frames_of(what: Pcm, packets: Sequence[RtpPacket]) -> int:
    codes = encode(Law.PCMU, what)
    wanted = {codes[at : at + 160] for at in range(0, len(codes) - 159, 160)}
    return sum(bytes(one.payload) in wanted for one in packets)


@contextlib.asynccontextmanager
async def story(warm: Warm = WARM) -> AsyncIterator[Story]:
    async with bridge_setup() as setup:
        setup.bridge.open_media(setup.plan)
        setup.bridge.start()
        await setup.bridge.connect(1)
        told = Story(setup, warm)
        try:
            yield told
        finally:
            told.close()
        assert setup.faults == []


async def freed(ended: Callable[[], Awaitable[list[weakref.ref[Any]]]]) -> None:
    """What `ended` names is gone without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        left = await ended()
        async with asyncio.timeout(10):
            while any(one() is not None for one in left):
                await asyncio.sleep(0.1)
    finally:
        gc.enable()
