"""One call's bridge on real sockets, a scripted engine at one end, a phone at the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.media import MediaPlan, MediaSettings
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.engine_api.events import AudioDelta, AudioDone, SpeechStarted, SpeechStopped
from sipua.bridge.engine_api.settings import Past
from sipua.bridge.events import BridgeEvent, EngineInUse
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.turns.state import TurnState
from sipua.codecs.g711 import Law
from sipua.codecs.tones import sine
from sipua.rtp.latch.latch import Policy
from sipua.rtp.packet import RtpPacket, build, parse
from sipua.rtp.ports import PortPool
from support.ports import PortBlock

SETTINGS = MediaSettings(
    ptime_ms=20, hold_ms=60, max_hold_ms=200, timeout_s=20, hold_timeout_s=300, latch=Policy.AUTO
)


@dataclass
class ScriptedEngine:
    """Says what the test tells it to, and remembers what it was told."""

    on_event: Callable[[ConversationEvent], None]
    session_id: str = "scripted"
    heard: list[bytes] = field(default_factory=list)
    truncated: list[tuple[str, int]] = field(default_factory=list)
    cancelled: int = 0
    injected: list[tuple[str, str, bool]] = field(default_factory=list)
    digits: list[tuple[str, int]] = field(default_factory=list)
    marks: list[tuple[str, bool]] = field(default_factory=list)
    closed: bool = False
    said: Sequence[Past] = ()
    connected: asyncio.Event | None = None
    """Connecting takes until then; None: no time."""

    async def connect(self, timeout_s: float) -> None:
        if self.connected is not None:
            await self.connected.wait()

    def speak(self, instructions: str | None = None) -> None:
        self.say("greeting", 1000)

    def append(self, audio: bytes) -> None:
        self.heard.append(audio)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        self.truncated.append((item_id, audio_end_ms))

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None: ...

    def inject(self, role: str, text: str, *, respond: bool) -> None:
        self.injected.append((role, text, respond))

    def digit(self, key: str, duration_ms: int) -> None:
        self.digits.append((key, duration_ms))

    def marked(self, name: str, *, played: bool) -> None:
        self.marks.append((name, played))

    def cancel(self) -> None:
        self.cancelled += 1

    def past(self) -> Sequence[Past]:
        return self.said

    async def close(self) -> None:
        self.closed = True
        self.on_event = nothing

    def counters(self) -> dict[str, int]:
        return {}

    def say(self, item: str, length_ms: int) -> None:
        self.on_event(AudioDelta(item, 0, sine(400, length_ms, 24_000).tobytes()))
        self.on_event(AudioDone(item))


class Phone:
    """The far side's RTP socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self._sequence = 100

    async def talk(self, port: int, frames: int, payload: bytes = bytes(range(160))) -> None:
        for _ in range(frames):
            self.send(port, payload)
            await asyncio.sleep(0.02)

    def send(self, port: int, payload: bytes) -> None:
        packet = build(
            payload,
            payload_type=0,
            sequence=self._sequence,
            timestamp=self._sequence * 160,
            ssrc=0x1234,
        )
        self._sequence += 1
        self.socket.sendto(packet, ("127.0.0.1", port))

    def packets(self) -> list[RtpPacket]:
        found = []
        while True:
            try:
                found.append(parse(self.socket.recv(2048)))
            except BlockingIOError:
                return found

    async def hear(self, count: int) -> list[RtpPacket]:
        found: list[RtpPacket] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                found += self.packets()
                await asyncio.sleep(0.005)
        return found


@dataclass
class Setup:
    bridge: CallBridge
    engine: ScriptedEngine
    phone: Phone
    port: int
    events: list[BridgeEvent]
    plan: MediaPlan
    faults: list[str]
    """Why the call was to end."""

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not wanted():
                await asyncio.sleep(0.005)

    @property
    def heard_pcm(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return np.frombuffer(b"".join(self.engine.heard), np.int16)


@contextlib.asynccontextmanager
async def bridge_setup(settings: MediaSettings = SETTINGS) -> AsyncIterator[Setup]:
    block = PortBlock(40)
    first, last = block.range(20)
    block.close()
    local = PortPool(("127.0.0.1",), first, last).reserve(0.0)
    engines: list[ScriptedEngine] = []

    def make(on_event: Callable[[ConversationEvent], None], turns: TurnState) -> ScriptedEngine:
        def tell(event: ConversationEvent) -> None:
            """In a conversation's order: the turn state first."""
            if isinstance(event, EngineInUse):
                turns.session_began()
            elif isinstance(event, SpeechStarted | SpeechStopped):
                turns.follow(event, asyncio.get_running_loop().time())
            on_event(event)

        engines.append(ScriptedEngine(tell))
        return engines[-1]

    pacer = Pacer(use_timerfd=False)  # by the loop, whose clock may be a virtual one
    phone = Phone()
    faults: list[str] = []
    owner = FaultOwner("call.failed", structlog.get_logger(), faults.append)
    bridge = CallBridge(
        local=local, pacer=pacer, settings=settings, make_conversation=make, faults=owner
    )
    events: list[BridgeEvent] = []
    bridge.on_event = events.append
    plan = MediaPlan(
        remote=phone.address,
        signalling_ip="127.0.0.1",
        law=Law.PCMU,
        payload_type=0,
        law_by_type={0: "PCMU", 8: "PCMA"},
        telephone_event_type=None,
        sends=True,
        receives=True,
    )
    yield Setup(bridge, engines[0], phone, local.port, events, plan, faults)
    await bridge.close()
    pacer.close()
    phone.socket.close()
    local.rtp_socket.close()
    local.rtcp_socket.close()
