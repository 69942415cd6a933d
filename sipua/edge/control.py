"""What the API may ask of the edge, and order: see `EdgePort`. All on the edge's loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.steer.commands import Command, Done
from sipua.calls.steer.place_request import PlaceRequest
from sipua.config.change.in_force import Reloaded, ReloadError
from sipua.control.link.edge_port import EdgeState, LogLevel
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.place_calls import PlaceCalls
from sipua.edge.engine_health import EngineHealth
from sipua.edge.reload.reloads import Reloads
from sipua.edge.workers.workers import Workers
from sipua.events import edge_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.log import logs
from sipua.queue.presence import PresenceState
from sipua.queue.queues import QueueState
from sipua.queue.slots import EngineState
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import Refresh, SipCommand
from sipua.worker.link.messages import SetLogLevel, Watch

_REFUSED = 503


class EdgeControl:
    def __init__(
        self,
        *,
        admission: Admission,
        calls: EdgeCalls,
        placing: PlaceCalls,
        workers: Workers,
        health: EngineHealth,
        send: Callable[[SipCommand], None],
        tell: Callable[[Event], None],
        stop: asyncio.Event,
        reloads: Reloads,
    ) -> None:
        """`stop`: set, the process ends."""
        self._admission = admission
        self._calls = calls
        self._placing = placing
        self._workers = workers
        self._health = health
        self._send = send
        self._tell = tell
        self._stop = stop
        self._reloads = reloads
        self._faults = FaultOwner()
        self._hang_up_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_call: asyncio.Task[None] | None = None

    def state(self) -> EdgeState:
        now = time.monotonic()
        facts = self._calls.facts_up()
        oldest = min((one.started_at for one in facts), default=None)
        left_s = None if self._hang_up_at is None else max(0.0, self._hang_up_at - now)
        return EdgeState(
            calls=len(facts),
            max_calls=self._admission.max_calls,
            draining=self._admission.draining,
            worker_missing_s=self._workers.missing_s(),
            engine_missing_s=self._health.missing_s(now),
            oldest_s=(datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0,
            drain_left_s=left_s,
            stopping=self._stop.is_set() or self._last_call is not None,
            call_ids=tuple(one.call_id for one in facts),
        )

    async def steer(self, call_id: str, command: Command, by: str) -> Done:
        return await self._calls.steer(call_id, command, by)

    async def place(self, request: PlaceRequest) -> str:
        return await self._placing.place(request)

    def queues(self) -> Sequence[QueueState]:
        return self._calls.queues.states()

    def engine_slots(self) -> Sequence[EngineState]:
        return self._calls.queues.engines()

    def set_member(
        self, queue: str, member: str, state: PresenceState, reason: str, by: str
    ) -> bool:
        target = self._calls.queues.target(queue, member)
        if target is None:
            return False
        self._calls.queues.set_presence(target, state, reason, by)
        return True

    def watch_calls(self, for_s: float) -> None:
        self._workers.send_all(Watch(for_s))

    def tell(self, event: Event) -> None:
        self._tell(event)

    def recording_fetched(self, call_id: str, file: str, by: str) -> None:
        self._tell(edge_events.RecordingFetched(of_call=call_id, file=file, by=by))

    def log_level(self) -> LogLevel:
        return logs.in_use.level

    def set_log_level(self, level: LogLevel) -> None:
        logs.set_level(level)
        self._workers.send_all(SetLogLevel(level))

    def refresh_registration(self, account: str) -> None:
        self._send(Refresh(account))

    # --- another configuration ------------------------------------------------------------

    async def reload(self, by: str, *, check: bool) -> Reloaded:
        return await self._reloads.reload(by, check=check)

    def reload_by_signal(self) -> None:
        self._faults.harmless("config.failed").task(self._reload_by_signal(), "SIGHUP")

    async def _reload_by_signal(self) -> None:
        try:
            await self._reloads.reload("SIGHUP")
        except ReloadError as error:
            if error.kind != "unfit":  # else it is told already
                logs.get().warning("config.not_reloaded", by="SIGHUP", cause=str(error))

    # --- draining -------------------------------------------------------------------------

    def begin_drain(self, timeout_s: float | None, *, stop: bool) -> None:
        """Also changes one that has begun."""
        self._forget_drain()
        self._admission.draining = True
        self._tell(edge_events.Draining(calls=len(self._calls), drain_s=timeout_s))
        if timeout_s is not None:
            self._hang_up_at = time.monotonic() + timeout_s
            self._timer = self._faults.call_later(timeout_s, "drain", self._hang_up_rest)
        if stop:
            self._last_call = self._faults.task(self._stop_when_empty(), "drain")

    def end_drain(self) -> bool:
        if self._stop.is_set():
            return False
        self._forget_drain()
        if self._admission.draining:
            self._admission.draining = False
            self._tell(edge_events.DrainEnded(calls=len(self._calls)))
        return True

    def _hang_up_rest(self) -> None:
        self._calls.hang_up_all(Reason.SHUTDOWN, "the edge is draining", _REFUSED)

    async def _stop_when_empty(self) -> None:
        await self._calls.empty.wait()
        self._stop.set()

    def _forget_drain(self) -> None:
        self._hang_up_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._last_call is not None:
            self._last_call.cancel()
            self._last_call = None
