"""The calls of a worker: messages of the edge in, calls made and run, their end told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from sipua.calls.call import Call, Opening
from sipua.calls.legs.orders import LegOver
from sipua.calls.opening import Answering, NoSlot, Placing
from sipua.calls.steer.commands import Done
from sipua.calls.steer.steering import Steering
from sipua.calls.supervise.supervision import Supervision
from sipua.capture.call_capture import CallCapture, CallCaptures
from sipua.config import Config
from sipua.edge.wiring import wiring
from sipua.events.ending import Reason
from sipua.log import logs
from sipua.outputs.hep.seen import second_leg
from sipua.queue.orders import QueueNews
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.traffic import Traffic
from sipua.rtp.session.transport import Tap
from sipua.sip.leg_ids import call_of, is_supervisors
from sipua.sip.messages import CallProgress, CallSignal, Hangup
from sipua.worker.call_samples import CallSamples
from sipua.worker.figures import WorkerFigures
from sipua.worker.generations import Generation, Generations
from sipua.worker.link.channel import NO_DESCRIPTORS, close_all
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import (
    CallOver,
    CapturedSip,
    EndCall,
    NoMoreCalls,
    Steer,
    Steered,
    TakeCall,
    TakeLeg,
    ToEdge,
    ToWorker,
    Watch,
)
from sipua.worker.rtcp_watch import RtcpWatch


class WorkerCalls:
    def __init__(
        self, config: Config, generations: Generations, send: Callable[[ToEdge], None]
    ) -> None:
        """`config`: the first one, for what stays until a restart."""
        self.figures = WorkerFigures(self._traffic, generations.pacer_late, generations.spares)
        self._config = config
        self._generations = generations
        self._send = send
        self._rtcp = RtcpWatch(config, send) if wiring.hep_sends(config, "rtcp") else None
        self._calls: dict[str, Call] = {}
        self._steering: dict[str, Steering] = {}
        self._supervision: dict[str, Supervision] = {}
        self._capturing: dict[str, CallCapture] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._samples = CallSamples(self._calls, send) if config.api.enabled else None

    async def sample(self) -> None:
        """Let the edge know how its calls are, until it is cancelled."""
        if self._samples is not None:
            await self._samples.run()

    def __len__(self) -> int:
        return len(self._calls)

    def on_message(self, message: ToWorker, descriptors: list[int]) -> None:
        match message:
            case TakeCall():
                self._take(message, descriptors)
            case TakeLeg():
                self._take_leg(message, descriptors)
            case Steer():
                self._steer(message)
            case Watch():
                if self._samples is not None:
                    self._samples.watch(message.for_s)
            case EndCall():
                self._end(message)
            case NoMoreCalls():
                self._no_more()
            case CapturedSip():
                if capture := self._capturing.get(message.call_id):
                    capture.add(message.at_s, message.source, message.target, message.payload)
            case _ if isinstance(message, CallSignal | CallProgress | QueueNews):
                self._of_call(message)

    def _of_call(self, event: CallSignal | CallProgress | QueueNews) -> None:
        if not isinstance(event, QueueNews) and is_supervisors(event.call_id):
            if supervision := self._supervision.get(call_of(event.call_id)):
                supervision.on_signal(event)
            return
        call = self._calls.get(call_of(event.call_id))
        if call is None:
            return
        if not isinstance(event, QueueNews):
            call.on_sip(event)
        elif call.agents is not None and call.agents.on_queue is not None:
            call.agents.on_queue(event)

    def _end(self, message: EndCall) -> None:
        if (call := self._calls.get(message.call_id)) is None:
            return
        if message.gone:
            call.lose(message.reason, message.detail)
        else:
            call.hang_up(message.reason, message.detail, message.status)

    def _traffic(self) -> Iterator[tuple[str, Traffic]]:
        for call_id, call in self._calls.items():
            yield call_id, call.bridge.traffic()

    def _steer(self, message: Steer) -> None:
        request, call_id = message.request, message.call_id
        if steering := self._steering.get(call_id):
            steering.take(
                message.command,
                message.by,
                lambda done: self._send(Steered(request, call_id, done)),
            )
        else:
            self._send(Steered(request, call_id, Done("no_call", "the call is over")))

    async def end_all(self, cause: str, within_s: float) -> None:
        """End the calls without signalling, which is gone."""
        for call in list(self._calls.values()):
            call.lose(Reason.SIGNALLING_LOST, cause)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    def _no_more(self) -> None:
        """The edge lets the last calls end."""
        task = asyncio.get_running_loop().create_task(
            self._generations.no_more_calls(), name="spares"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, message: TakeCall, descriptors: list[int]) -> None:
        """Begin a call. On any failure the caller gets 500, and all that it holds is released."""
        call_id = message.facts.call_id
        with ExitStack() as held:
            generation = self._generations.hold(held)
            held.callback(self._over, call_id)
            try:
                call = self._make(generation, message, _adopt(descriptors, held), held)
            except Exception as error:  # noqa: BLE001 (any failure is a refusal)
                self._failed(call_id, error)
                return
            self._calls[call_id] = call
            supervision = self._supervision[call_id] = generation.parts.supervision(call)
            held.callback(self._supervision.pop, call_id)
            self._steering[call_id] = generation.parts.steering(call, supervision)
            held.callback(self._steering.pop, call_id)
            opening: Opening = Placing()
            if message.engine_full:
                opening = NoSlot(message.engine_full)
            elif message.facts.direction == "incoming":
                opening = Answering()
            work = self._run(call, opening, held.pop_all())
        task = asyncio.get_running_loop().create_task(work, name=f"call {call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_leg(self, message: TakeLeg, descriptors: list[int]) -> None:
        """A call that has ended meanwhile, or has no use for it any more, has ended it already."""
        with ExitStack() as held:
            held.callback(self._send, LegOver(message.call_id, message.leg_id))
            sockets = _adopt(descriptors, held)
            call = self._calls.get(message.call_id)
            if call is None or not sockets:
                self._send(Hangup(message.leg_id, 500))
                return
            local = ReservedPort(message.port, *sockets)
            supervision = self._supervision[message.call_id]
            if message.dialled_in is not None:
                supervision.dial_in(message.leg_id, message.dialled_in, local, held.pop_all())
            else:
                legs = supervision if is_supervisors(message.leg_id) else call.second
                legs.take(message.leg_id, local, held.pop_all())

    async def _run(self, call: Call, opening: Opening, held: ExitStack) -> None:
        with held:
            try:
                await call.run(opening)
                if self._samples is not None:
                    self._samples.tell(call.call_id)
            except Exception as error:  # noqa: BLE001 (as above)
                self._failed(call.call_id, error)

    def _failed(self, call_id: str, error: Exception) -> None:
        self._send(Hangup(call_id, 500))
        logs.call_failed(call_id, error)

    def _over(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            words = "not answered: internal error, see the log"
            self._send(CallOver(call_id, summary=words, failed=True))
            return
        self.figures.ended(call_id, call.bridge.traffic())
        over = CallOver(call_id, call.confirmed.is_set(), call.engine_missed, call.summary)
        try:
            self._send(over)
        except LinkError:  # of its text; without this message the edge would keep the call for ever
            self._send(replace(over, summary="its result is no text"))

    def _make(
        self,
        generation: Generation,
        message: TakeCall,
        sockets: Sequence[socket.socket],
        held: ExitStack,
    ) -> Call:
        if not sockets:
            raise LinkError(NO_DESCRIPTORS)
        rtp, rtcp = sockets
        local = ReservedPort(message.port, rtp, rtcp)
        call_id, capture = message.facts.call_id, self._capture(generation.captures, message, held)
        call = generation.parts.make(
            message.facts,
            local,
            capture,
            ring_timeout_s=message.ring_timeout_s,
            max_duration_s=message.max_duration_s,
            answering=message.answering,
            on_voicemail=message.on_voicemail,
            documents=message.documents,
        )
        if self._rtcp is not None:
            call.bridge.leg.rtcp_tap = self._rtcp.of(call_id, local)
        call.bridge.leg.taps_of = partial(self._taps_of_leg, call_id, capture)
        return call

    def _taps_of_leg(
        self, call_id: str, capture: CallCapture | None, local: ReservedPort
    ) -> tuple[Tap | None, Tap | None]:
        """Of a second leg: its packets and its RTCP go where those of the first one go."""
        rtcp = self._rtcp.of(second_leg(call_id), local) if self._rtcp is not None else None
        if capture is None:
            return None, rtcp
        return capture.tap_of(partial(wiring.rtp_address, self._config, local)), rtcp

    def _capture(
        self, captures: CallCaptures | None, message: TakeCall, held: ExitStack
    ) -> CallCapture | None:
        call_id, order = message.facts.call_id, message.capture
        if order is None or captures is None:
            return None
        capture = captures.begin(call_id, order.local, order.open_calls)
        held.callback(capture.end)
        self._capturing[call_id] = capture
        held.callback(self._capturing.pop, call_id, None)
        return capture


def _adopt(descriptors: Sequence[int], held: ExitStack) -> list[socket.socket]:
    """Make sockets of descriptors; `held` closes all of them, also those that are none."""
    left = list(descriptors)
    held.callback(close_all, left)
    sockets = []
    while left:
        sock = held.enter_context(socket.socket(fileno=left[0]))
        del left[0]
        sock.setblocking(False)
        sockets.append(sock)
    return sockets
