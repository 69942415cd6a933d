"""The edge's side of a replay: real call bridges on real sockets, in a process of their own.

Signalling is left out, because a recording has none: what offer and answer would have settled is
told. Everything behind it is what `sipua serve` runs: transport, session, latch, reorder buffer,
uplink, engine session and websocket, playout, cadence, pacer, one uvloop. The process does nothing
else, so its CPU time is the edge's.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import uvloop

from sipua.bench.common import children, clock
from sipua.bench.replay import probe
from sipua.bridge import engines
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.media import MediaPlan, MediaSettings
from sipua.bridge.call.media_path import MEDIA_PATH
from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import EngineChoice, MakeSession, engine_session
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.protocol import Engine
from sipua.bridge.engine_api.settings import EngineSettings, Past
from sipua.bridge.events import BridgeEvent
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.turns.state import TurnState
from sipua.log import logs
from sipua.rtp.events import Dtmf
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort

_CONNECTING = 8  # at once
_FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class EdgePlan:
    calls: int
    host: str
    port_min: int
    port_max: int
    media: MediaSettings
    engine: EngineSettings
    connect_timeout_s: float
    greeting: str
    probed: bool
    """Without stamps, to know what they cost."""


@dataclass(frozen=True, slots=True)
class Ready:
    ports: list[int]
    session_ids: list[str]


@dataclass(frozen=True, slots=True)
class Failed:
    text: str


@dataclass(slots=True)
class EdgeRecord:
    notes: list[object]  # array("q") of each call
    audio: list[bytes]  # what the engine got of the first call
    digits: str  # that the first call pressed
    stats: list[dict[str, object]]
    pacer: dict[str, float]
    cpu_s: float
    seconds: float
    memory_mb: float
    wall: clock.WallClock


def run(pipe: Connection, plan: EdgePlan) -> None:
    """The process: Ready; then media plans, "begin", "end" (of the talk), "finish": the record."""
    logs.configure("error", "console")
    sys.setswitchinterval(0.001)  # as the edge does
    with (
        contextlib.suppress(KeyboardInterrupt, EOFError),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_Edge(pipe, plan).run())


class _Edge:
    def __init__(self, pipe: Connection, plan: EdgePlan) -> None:
        self._pipe = pipe
        self._plan = plan
        self._traces = [probe.CallTrace(keep_audio=number == 0) for number in range(plan.calls)]
        self._bridges: list[CallBridge] = []
        self._lent: list[tuple[ReservedPort, ReservedPort]] = []
        self._digits: list[str] = []

    async def run(self) -> None:
        plan, pipe = self._plan, self._pipe
        self._pacer = Pacer()
        pool = PortPool((plan.host,), plan.port_min, plan.port_max)
        try:
            for trace in self._traces:
                self._bridges.append(self._make(pool, trace))
            self._bridges[0].on_event = self._note_digit
            session_ids = await self._connect()
        except (EngineConnectError, NoPortsLeft) as error:
            await self._close(pool)
            pipe.send(Failed(str(error)))
            return
        pipe.send(Ready([lent.port for lent, _ in self._lent], session_ids))
        plans: list[MediaPlan] = await self._told()
        gc.collect()
        gc.freeze()  # as the edge does
        wall = clock.WallClock()
        wall.mark()
        await self._start(plans)
        pipe.send("started")
        await self._told()
        cpu_s, began_s = time.process_time(), time.monotonic()
        await self._told()
        cpu_s, seconds = time.process_time() - cpu_s, time.monotonic() - began_s
        await self._told()
        wall.mark()
        stats = [bridge.stats() for bridge in self._bridges]
        pacer = self._pacer.counters()
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        await self._close(pool)
        pipe.send(
            EdgeRecord(
                notes=[trace.notes for trace in self._traces],
                audio=self._traces[0].audio or [],
                digits="".join(self._digits),
                stats=stats,
                pacer=pacer,
                cpu_s=cpu_s,
                seconds=seconds,
                memory_mb=memory_mb,
                wall=wall,
            )
        )

    def _note_digit(self, event: BridgeEvent) -> None:
        if isinstance(event, Dtmf):
            self._digits.append(event.digit)

    def _make(self, pool: PortPool, trace: probe.CallTrace) -> CallBridge:
        lent = pool.reserve(time.monotonic())
        used, path = lent, MEDIA_PATH
        if self._plan.probed:
            probed = probe.ProbedSocket(lent.rtp_socket, trace)
            used = ReservedPort(lent.port, probed, lent.rtcp_socket)
            path = probe.media_path(trace)
        self._lent.append((lent, used))
        return CallBridge(
            local=used,
            pacer=self._pacer,
            settings=self._plan.media,
            make_conversation=functools.partial(self._make_conversation, len(self._lent), trace),
            path=path,
        )

    def _make_conversation(
        self,
        number: int,
        trace: probe.CallTrace,
        on_event: Callable[[ConversationEvent], None],
        turns: TurnState,
    ) -> Dialogue:
        make_session: MakeSession = engine_session
        if self._plan.probed:
            make = functools.partial(probe.ProbedSession, trace)
            make_session = functools.partial(engine_session, make=make)

        def create(past: Sequence[Past], _handle: str) -> Engine:
            return engines.create("openai_realtime", replace(self._plan.engine, past=past))

        choice = EngineChoice("openai_realtime", create, self._plan.connect_timeout_s)
        return Dialogue(
            [choice],
            policy=DialoguePolicy(),
            on_event=on_event,
            turns=turns,
            call_id=f"bench-{number}",
            make_session=make_session,
        )

    async def _connect(self) -> list[str]:
        turn = asyncio.Semaphore(_CONNECTING)

        async def one(bridge: CallBridge) -> str:
            async with turn:
                return await bridge.connect(self._plan.connect_timeout_s)

        return await asyncio.gather(*(one(bridge) for bridge in self._bridges))

    async def _start(self, plans: list[MediaPlan]) -> None:
        """Spread over a frame's time, as calls that came at different times are."""
        for bridge, plan in zip(self._bridges, plans, strict=True):
            bridge.open_media(plan)
            bridge.start()
            if self._plan.greeting:
                bridge.speak(self._plan.greeting)
            await asyncio.sleep(_FRAME_S * 1.05 / len(plans))

    async def _close(self, pool: PortPool) -> None:
        await asyncio.gather(*(bridge.close() for bridge in self._bridges))
        self._pacer.close()
        for lent, used in self._lent:
            used.rtp_socket.close()
            pool.release(lent, time.monotonic())

    async def _told(self) -> list[MediaPlan]:
        """The parent's next word. Its end is ours: EOFError."""
        heard = asyncio.get_running_loop().create_future()

        def read() -> None:
            try:
                heard.set_result(self._pipe.recv())
            except (EOFError, OSError):
                heard.set_exception(EOFError("the parent is gone"))
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

        children.add_reader(self._pipe, read)
        told: list[MediaPlan] = await heard
        return told
