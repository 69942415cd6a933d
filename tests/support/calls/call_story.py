"""A call without signalling, media or an engine: what it does when a test plays all three."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from sipua.bridge.call.media import MediaPlan
from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.calls.call import Call, Opening
from sipua.calls.facts import CallFacts
from sipua.calls.limits import CallLimits
from sipua.calls.opening import Answering
from sipua.calls.profile import AgentProfile, NamedEngine
from sipua.config import EngineSection
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.sip.messages import (
    CallCommand,
    CallConfirmed,
    CallEnded,
    Direction,
    EndedBy,
    MediaReady,
    NegotiatedMedia,
)

LIMITS = CallLimits(ring_timeout_s=5, max_duration_s=60)
PROFILE = AgentProfile(
    route="",
    engines=(NamedEngine("first", EngineSection(connect_timeout_s=5)),),
    instructions="",
    greeting="Greet the caller.",
)
FACTS = CallFacts(
    call_id="c-test",
    direction="incoming",
    from_uri="<sip:caller@127.0.0.1>",
    to_uri="<sip:agent@127.0.0.1>",
    origin="anyone",
    route="",
    started_at=datetime(2026, 11, 21, tzinfo=UTC),
)
MEDIA = NegotiatedMedia(
    remote=("127.0.0.1", 4000),
    codec="PCMU",
    payload_type=0,
    accepted_types={0: "PCMU"},
    telephone_event_type=None,
    direction=Direction.SENDRECV,
    signalling_ip="127.0.0.1",
)


class FakeScreen:
    """What is to be said waits, or leaves."""

    waits = False

    def hold(self, on: bool) -> None:
        self.waits = on


class FakeBridge:
    """A bridge whose engine does what the test says."""

    def __init__(self, connect: Callable[[], object] | None = None) -> None:
        self.on_event: Callable[[BridgeEvent], None] = lambda _: None
        self.steps: list[str] = []
        self.plans: list[MediaPlan] = []
        self.timeouts: list[float] = []
        self.played = 0
        self.hears = self.interruptible = True
        self.speaking = False
        # No methods of its own: what is over is freed without the garbage collector.
        line = SimpleNamespace(start=partial(self.steps.append, "early"))
        self.leg = SimpleNamespace(tap=None, line=line)
        self.screen = FakeScreen()
        self.sound: object = None
        self.through = SimpleNamespace(aside=False)
        self.ready = asyncio.Event()
        self.error: Exception | None = None

    async def connect(self, timeout_s: float) -> str:
        self.timeouts.append(timeout_s)
        await self.ready.wait()
        if self.error is not None:
            raise self.error
        self.steps.append("connected")
        return "session"

    def speak(self, instructions: str) -> None:
        self.steps.append(f"greet: {instructions}")

    def play(self, name: str, pcm: NDArray[np.int16]) -> str:
        self.steps.append(f"play: {name}")
        self.played += len(pcm)
        return f"local:{name}:1"

    def has_played(self, name: str) -> None:
        self.on_event(AudioPlayed(f"local:{name}:1"))

    def before_answer(self) -> None:
        """No port, no early senders."""

    def listen(self, on: bool, asker: str) -> None:
        self.hears = on

    def fill(self, pcm: NDArray[np.int16] | None, asker: str) -> None:
        self.sound = pcm

    def open_media(self, plan: MediaPlan) -> int:
        self.plans.append(plan)
        return 7

    def start(self) -> None:
        self.steps.append("start")

    async def close(self) -> None:
        self.steps.append("close")
        self.on_event = lambda _: None

    def stats(self) -> dict[str, object]:
        return {}


class Story:
    def __init__(
        self,
        profile: AgentProfile = PROFILE,
        *,
        limits: CallLimits = LIMITS,
        log: object = None,
        refusals: Throttle | None = None,
        opening: Opening | None = None,
        facts: CallFacts = FACTS,
        capture: object = None,
        record: object = None,
    ) -> None:
        self.sent: list[CallCommand] = []
        self.bridge = FakeBridge()
        self.call = Call(
            facts,
            self.bridge,  # type: ignore[arg-type]  # it stands in for a CallBridge
            profile,
            limits,
            send=self.sent.append,
            log=log or logs.bind_call("c-test"),  # type: ignore[arg-type]  # a stand-in
            refusals=refusals,
            capture=capture,  # type: ignore[arg-type]  # as above
            record=record,  # type: ignore[arg-type]  # as above
        )
        self.task = asyncio.create_task(self.call.run(opening or Answering()))

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def confirm(self) -> None:
        self.call.on_sip(MediaReady("c-test", MEDIA))
        self.call.on_sip(CallConfirmed("c-test"))
        await self.settle()

    async def talk(self) -> None:
        """The engine is there, the call is up."""
        self.bridge.ready.set()
        await self.settle()
        await self.confirm()

    async def end(self, by: EndedBy = EndedBy.PEER) -> None:
        self.call.on_sip(CallEnded("c-test", by, 200, "OK"))
        async with asyncio.timeout(20):
            await self.task
        assert self.bridge.steps[-1] == "close"
