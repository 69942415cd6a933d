"""The calls of the edge: which worker has each, and what the edge holds for it.

    signalling ──CallSignal──▶ EdgeCalls ──▶ the call's worker
               ◀─CallCommand──           ◀──

The edge never holds a `Call`; it knows its id, its worker, its port and its Call-ID. The port goes
to the worker when the call begins, and is free again when the worker has told the end, or is dead.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls import routes
from sipua.calls.facts import CallFacts, Notice
from sipua.calls.legs.orders import CallOrder, LegOver, PlaceLeg
from sipua.calls.outcome import CallOutcome
from sipua.calls.steer.commands import Command, Done, Park, SetMetadata
from sipua.calls.steer.place_request import PlaceRequest
from sipua.capture.sip_messages import SipToCaptures
from sipua.config import Config
from sipua.doctor.edges import WORKERS_FIX
from sipua.edge.calls import beginnings
from sipua.edge.calls.beginnings import NO_WORKER
from sipua.edge.calls.captures import EdgeCaptures
from sipua.edge.calls.code_calls import FORBIDDEN, CodeCalls
from sipua.edge.calls.edge_call import EdgeCall
from sipua.edge.calls.legs import EdgeLegs
from sipua.edge.calls.lost_calls import LostCalls
from sipua.edge.calls.queues.member_codes import CodeRefusedError, MemberCodes
from sipua.edge.calls.queues.queues import EdgeQueues
from sipua.edge.calls.steer_requests import SteerRequests
from sipua.edge.placing.ready_leg import MakeLeg
from sipua.edge.wiring import wiring
from sipua.edge.workers.workers import Workers, WorkersError
from sipua.events import call_events
from sipua.events.ending import Reason
from sipua.events.park_events import UNPARKED
from sipua.events.stream import EventStream
from sipua.events.teller import ENDED, Told
from sipua.log import logs
from sipua.process.exits import Exit
from sipua.queue.orders import QueueOrder
from sipua.rtp.ports import PortPool, ReservedPort
from sipua.sip.leg_ids import call_of
from sipua.sip.messages import (
    AnotherWay,
    Answer,
    AttemptFailed,
    CallConfirmed,
    CallEnded,
    CallInvited,
    CallSignal,
    EndedBy,
    Hangup,
    IncomingCall,
    PlaceCall,
    SipCommand,
)
from sipua.sip.wire.caller_id import ANONYMOUS
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import (
    CallOver,
    EndCall,
    Steered,
    TakeCall,
    ToWorker,
)

LOST = 500
"""The status of a call that is lost before its answer. Not 503, which would tell a peer to call
this edge no more for a while: the other workers take calls."""


class EdgeCalls:
    def __init__(
        self,
        config: Config,
        workers: Workers,
        ports: PortPool,
        send: Callable[[SipCommand], None],
        events: EventStream,
        *,
        make_leg: MakeLeg,
        sip_captures: SipToCaptures | None = None,
        on_over: Callable[[CallOver], None] = lambda over: None,
    ) -> None:
        self._workers = workers
        self._ports = ports
        self._send = send
        self._events = events
        self._on_over = on_over
        self._calls: dict[str, EdgeCall] = {}
        self.legs = EdgeLegs(ports, send, workers.send, make_leg)
        self._captures = EdgeCaptures(sip_captures, self._calls, workers.send)
        events.subscribe(self._captures.on_event)
        self._codes = CodeCalls(config, self._calls, self.legs, send, events)
        self.queues = EdgeQueues(config, self._to_call, events.teller().tell)
        self._member_codes = MemberCodes(self.queues)
        self._requests = SteerRequests()
        self._lost = LostCalls(config, events, self.facts_up)
        self.empty = asyncio.Event()
        self.empty.set()
        self.use(config)

    def __len__(self) -> int:
        return len(self._calls)

    def use(self, config: Config, name: str = "") -> None:
        """Calls begin with this configuration from now on; `name`: its hash."""
        self._config = config
        self._config_name = name
        self._codes.use(config)
        self._member_codes.use(config)
        self._numbers = config.record.numbers
        self._captures.use(config)
        self.queues.use(config)

    # --- a call begins --------------------------------------------------------------------

    def begin(self, event: IncomingCall) -> None:
        """Give a call, which rings already, to a worker. On any failure the caller gets 500, and
        all that it holds is released.
        """
        with ExitStack() as held:
            held.callback(self._release, event.local)
            try:
                if self._codes.take(event, held):
                    if about := self.legs.call_dialled(event.call_id):
                        self._captures.watch_dialled_in(event, about)
                    return
            except Exception as error:  # noqa: BLE001 (as below)
                self._failed(event.call_id, error)
                return
            worker = self._workers.supervisor.choose()
            if worker is None:
                missing_s = self._workers.missing_s()
                self._send(Hangup(event.call_id, 503, NO_WORKER, math.ceil(missing_s)))
                self._events.teller().tell(beginnings.no_worker(event, self._numbers))
                return
            held.callback(self._workers.supervisor.over, worker)
            try:
                notice = self._member_codes.dialled(event)
                facts, capture = self._facts(event, notice), self._captures.order(event)
                # Before its worker can tell anything of it: the order of events is what happened.
                teller = self._events.teller(event.call_id, facts.trace)
                teller.tell(
                    beginnings.incoming(event, facts, worker, self._config_name, self._numbers)
                )
                teller.tell(call_events.Ringing())
                full = self.queues.begin(facts)
                held.callback(self.queues.over, facts.call_id)
                order = TakeCall(facts, event.local.port, capture, full)
                self._hand_over(order, event.local, worker, held)
            except CodeRefusedError as refused:
                self._codes.refuse(event, FORBIDDEN, refused.rule, str(refused))
                return
            except Exception as error:  # noqa: BLE001 (any failure is a refusal)
                self._failed(event.call_id, error)
                return
        if capture is not None:
            self._captures.watch_sip(event)

    def place(
        self,
        facts: CallFacts,
        local: ReservedPort,
        request: PlaceRequest,
        others: tuple[AnotherWay, ...] = (),
    ) -> None:
        """Place a call; `request` has been judged. Raises WorkersError when there is no worker,
        LinkError."""
        with ExitStack() as held:
            held.callback(self._release, local)
            worker = self._workers.supervisor.choose()
            if worker is None:
                raise WorkersError("workers.none", "no worker is ready", WORKERS_FIX, Exit.WORKERS)
            held.callback(self._workers.supervisor.over, worker)
            placing = beginnings.placing(facts, request, worker, self._config_name, self._numbers)
            self._events.teller(facts.call_id, facts.trace).tell(placing)
            order = TakeCall(
                facts,
                local.port,
                ring_timeout_s=request.ring_timeout_s,
                max_duration_s=request.max_duration_s,
                answering=request.answering,
                on_voicemail=request.on_voicemail,
                documents=request.documents,
            )
            self._hand_over(order, local, worker, held)
        headers, to = dict(request.headers), facts.to_uri
        self._send(PlaceCall(facts.call_id, to, local, facts.origin, headers, others))

    def _hand_over(
        self, order: TakeCall, local: ReservedPort, worker: int, held: ExitStack
    ) -> None:
        """The call is its worker's from here on, and so is what it holds: `held` is empty."""
        facts, captured = order.facts, order.capture is not None
        outcome = CallOutcome(incoming=facts.direction == "incoming")
        try:
            self._workers.send(worker, order, (local.rtp_socket, local.rtcp_socket))
        except Exception as error:
            outcome.decide(Reason.INTERNAL_ERROR, f"internal error: {type(error).__name__}")
            self._lost.tell(facts, outcome)
            raise
        begun_at = time.monotonic() if facts.began_s is None else facts.began_s
        call = EdgeCall(facts, worker, held.pop_all(), captured, begun_at, outcome)
        self._calls[facts.call_id] = call
        self.empty.clear()

    def _facts(self, event: IncomingCall, notice: Notice) -> CallFacts:
        caller = event.parties.caller
        asked = routes.Asked(event.parties.dialled, caller.uri, event.origin)
        now = datetime.now(UTC)
        route = None
        if not notice:
            route = routes.choose(self._config.routes, asked, routes.opened(self._config, now))
        return CallFacts(
            call_id=event.call_id,
            direction="incoming",
            from_uri=ANONYMOUS if caller.anonymous else event.from_uri,
            to_uri=event.to_uri,
            origin=event.origin,
            route=route.name if route else "",
            started_at=now,
            began_s=event.arrived_s,
            sip_call_id=event.sip_call_id,
            peer=wiring.peer_of(self._config, event.origin, event.source),
            trace=wiring.trace(self._config, event.call_id, event.traceparent),
            caller=caller,
            called=event.parties.called,
            headers=event.parties.headers,
            notice=notice,
        )

    # --- messages -------------------------------------------------------------------------

    def on_signal(self, event: CallSignal) -> None:
        if self.legs.on_signal(event):
            return
        call = self._calls.get(event.call_id)
        if call is None:
            return
        if isinstance(event, CallInvited | AttemptFailed):
            self._events.teller(event.call_id).tell(call.invited(event))
        elif isinstance(event, CallConfirmed):
            call.confirmed_at = time.monotonic()
            call.outcome.answered()
        elif isinstance(event, CallEnded):
            call.ended_at = time.monotonic()
            call.outcome.ended(event)
        self._tell(call, event)

    def on_message(self, worker: int, message: CallOrder | Steered | CallOver) -> None:
        call = self._calls.get(call_of(message.call_id))
        if call is None or call.worker != worker:
            return
        if isinstance(message, CallOver):
            self._workers.supervisor.call_ended(worker, failed=message.failed)
            self._forget(call)
            if not call.end_told:  # it was not made
                call.outcome.decide(Reason.INTERNAL_ERROR, message.summary)
                self._lost.tell(self._facts_of(call, time.monotonic()), call.outcome)
            self._on_over(message)
        elif isinstance(message, Steered):
            command = self._requests.answered(message)
            if isinstance(command, SetMetadata) and message.done.ok:
                values = {name: str(value) for name, value in message.done.values.items()}
                call.facts = replace(call.facts, metadata=values)
        elif isinstance(message, PlaceLeg | LegOver):
            self.legs.on_order(worker, message)
        elif isinstance(message, QueueOrder):
            self.queues.on_order(message)
        elif not (isinstance(message, Hangup | Answer) and self.legs.on_command(message)):
            self._send(message)

    async def steer(self, call_id: str, command: Command, by: str = "") -> Done:
        """Have a call do something; `by`: whose token it was. Never raises for a bad command."""
        call = self._calls.get(call_id)
        if call is None:
            return Done("no_call", "there is no such call")
        if isinstance(command, Park):
            command = Park(self._codes.slots.take(call_id))
            if not command.slot:
                return Done("busy", "all slots for parked calls are taken")
        send = partial(self._workers.send, call.worker)
        done = await self._requests.ask(call_id, command, by, send)
        if isinstance(command, Park) and not done.ok:
            self._codes.slots.free(call_id)
        return done

    def on_told(self, told: Told) -> None:
        """An event of a call."""
        if told.type == ENDED and (call := self._calls.get(told.call_id)):
            call.end_told = True
        elif told.type == UNPARKED:
            self._codes.slots.free(told.call_id)
        if told.call_id in self._calls:
            self.queues.on_told(told)
        self._events.put(told)

    def on_worker_lost(self, worker: int, cause: str) -> None:
        """Its calls get BYE, or a refusal, and an end in log and record. Their ports are free."""
        words = f"internal error: worker {worker}: {cause}"
        died_at = self._workers.supervisor.slots[worker].ended_at
        for call in [call for call in self._calls.values() if call.worker == worker]:
            self._send(Hangup(call.facts.call_id, LOST, fault="media worker failed"))
            FaultOwner().harmless("call.failed").run("lost call", self._lose, call, words, died_at)

    def _lose(self, call: EdgeCall, cause: str, died_at: float) -> None:
        self._forget(call)
        call_id, answered = call.facts.call_id, call.confirmed_at is not None
        call.outcome.decide(Reason.WORKER_DIED, cause)
        if not call.outcome.told:
            call.outcome.ended(CallEnded(call_id, EndedBy.US, 0 if answered else LOST, cause))
        facts, lasted_s = self._facts_of(call, died_at), call.lasted_s(died_at)
        if not call.end_told:
            self._lost.tell(facts, call.outcome)
        self._lost.write_end(facts, call.outcome, lasted_s)
        self._on_over(CallOver(call_id, answered, summary=cause))

    # --- the end --------------------------------------------------------------------------

    def hang_up_all(self, reason: Reason, detail: str, status: int) -> None:
        for call in list(self._calls.values()):
            call.outcome.decide(reason, detail)
            self._tell(call, EndCall(call.facts.call_id, reason, detail, status))

    def end_all(self, detail: str) -> None:
        """End the calls without signalling, which is gone."""
        for call in list(self._calls.values()):
            lost = EndCall(call.facts.call_id, Reason.SIGNALLING_LOST, detail, gone=True)
            self._tell(call, lost)

    def start(self) -> None:
        self._lost.start()

    async def stop(self) -> None:
        self.queues.stop()
        self._lost.stop()
        await self.queues.written()

    def _to_call(self, call_id: str, message: ToWorker) -> None:
        if call := self._calls.get(call_id):
            self._tell(call, message)

    def _tell(self, call: EdgeCall, message: ToWorker) -> None:
        try:
            self._workers.send(call.worker, message)
        except LinkError as error:
            self._failed(call.facts.call_id, error)

    def _failed(self, call_id: str, error: Exception) -> None:
        self._send(Hangup(call_id, 500))
        logs.call_failed(call_id, error)

    def _forget(self, call: EdgeCall) -> None:
        self._calls.pop(call.facts.call_id, None)
        self._requests.over(call.facts.call_id)
        self._codes.slots.free(call.facts.call_id)
        self.legs.call_over(call.facts.call_id)
        self.queues.over(call.facts.call_id)
        call.held.close()
        if not self._calls:
            self.empty.set()

    def _facts_of(self, call: EdgeCall, until: float) -> CallFacts:
        answered = call.confirmed_at is not None
        return replace(call.facts, talked_s=call.lasted_s(until) if answered else 0.0)

    def _release(self, local: ReservedPort) -> None:
        self._ports.release(local, time.monotonic())

    def peer_of(self, call_id: str) -> str:
        """The host for its numbers without one; empty: there is no such call."""
        call = self._calls.get(call_id)
        return call.facts.peer if call else ""

    def facts_up(self) -> list[CallFacts]:
        return [call.facts for call in list(self._calls.values())]
