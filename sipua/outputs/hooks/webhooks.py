"""The webhooks of an edge, put together.

    edge's loop:  an event ──▶ `Intake` (nothing else happens there)
    side loop:    50 ms of events and outcomes ──▶ the spool, one transaction ──▶ the queue of each
                  receiver ──▶ attempts, each a task

An event is sent only when it is on disk. An outcome is kept up to 50 ms later: an edge that is
killed in between sends the event once more, with the same `webhook-id`. What happened in the last
50 ms before that is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Final

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.events.event import Event
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.endpoint import Endpoint
from sipua.outputs.hooks.endpoint_queue import Job
from sipua.outputs.hooks.intake import Intake, sorted_out
from sipua.outputs.hooks.settings import HookSettings
from sipua.outputs.hooks.spool import Change, Spool, SpoolError, ahead_s, lock
from sipua.process.side_loop import SideLoop

_BATCH_S: Final = 0.05
_SEND_EVERY_S: Final = 0.2
"""Deliveries that begin together cost half of what they cost one by one."""
_LOOK_EVERY_S: Final = 1.0
"""For what `sipua hooks` has changed."""
_AGAIN_S: Final = 1.0
_TIDY_EVERY_S: Final = 3600.0
_LAST_S: Final = 2.0
"""For what can still be sent at the end; the rest is sent by the next run."""
_JUMP_S: Final = 1.0
_MOST_IN_A_BATCH: Final = 2_000
FIX: Final = "events wait in memory, up to a bound: check the disk of `webhook_spool.directory`"


class Webhooks:
    """The edge's loop calls `start`, `take_over` and `stop`, the side loop everything else."""

    def __init__(self, settings: HookSettings, events: EventStream) -> None:
        self._settings = settings
        self._events = events
        self._side = SideLoop("events-out")
        self._done: Future[None] | None = None
        self._edge_loop: asyncio.AbstractEventLoop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._intake = Intake(self._is_wanted, self._wake_up)
        self._lost_told = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._end_s = 0.0
        self._send_at_s = 0.0
        self._giving_way = False
        self._changes: list[Change] = []
        self._attempts: set[asyncio.Task[None]] = set()
        self._complaints = Throttle(60.0)
        self._broken = False
        self._tidied_at = -_TIDY_EVERY_S
        self._ahead_s = ahead_s()
        self._spool = Spool(settings.directory)
        self._endpoints = {
            one.name: Endpoint(one, settings, changed=self._on_change, tell=self._tell)
            for one in settings.endpoints
        }

    # --- the edge's loop --------------------------------------------------------------------

    async def start(self) -> None:
        self._listen()
        self._done = self._side.submit(self._run())

    async def take_over(self, old: Webhooks) -> None:
        """Start in the place of one that runs, on the same directory: what happens from now on is
        this one's; what waits there is sent by this one as soon as that one has stopped."""
        self._listen()
        old._giving_way = True
        try:
            await old.stop()
        finally:
            self._done = self._side.submit(self._run())

    def _listen(self) -> None:
        self._edge_loop = asyncio.get_running_loop()
        self._intake.open(self._events)

    async def stop(self) -> None:
        """Behind the last event: what waits is on disk then."""
        self._intake.close()
        if self._done is None:
            return
        self._end_s = time.monotonic() + _LAST_S
        self._stopping = True
        self._wake_up()
        try:
            async with asyncio.timeout(_LAST_S + 2.0):
                await asyncio.wrap_future(self._done)
        except TimeoutError:
            pass
        finally:
            await self._side.close()

    def _is_wanted(self, kind: str) -> bool:
        return any(endpoint.wants(kind) for endpoint in self._endpoints.values())

    @property
    def endpoints(self) -> Iterable[Endpoint]:
        """The receivers: to read their counts, which may be a moment old."""
        return self._endpoints.values()

    def _wake_up(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    # --- the side loop ----------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        if self._edge_loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._edge_loop.call_soon_threadsafe(self._events.teller().tell, event)

    def _on_change(self, change: Change) -> None:
        self._changes.append(change)
        self._wake.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                with contextlib.ExitStack() as held:
                    if await self._hold(held):
                        await self._work()
                if self._stopping:
                    break
        finally:
            for task in self._attempts:
                task.cancel()
            self._tell_lost(len(self._intake))
            for endpoint in self._endpoints.values():
                endpoint.tell_counts(at_once=True)
                await endpoint.sender.close()

    async def _work(self) -> None:
        """Until the edge ends, or the spool is damaged."""
        self._wake.set()  # there may be something to do
        while not self._stopping and not self._spool.damaged:
            try:
                await self._step()
            except Exception as error:  # noqa: BLE001 (a bug of ours costs one batch)
                self._changes.clear()
                _fault().failed("webhooks", error)
                await asyncio.sleep(_AGAIN_S)
        if self._stopping:
            await self._finish()

    async def _hold(self, held: contextlib.ExitStack) -> bool:
        """Open the spool, alone: two would send the same events. False: the end comes before."""
        while not self._stopping or (self._intake and time.monotonic() < self._end_s):
            try:
                if lock(self._settings.directory, held):
                    held.callback(self._spool.close)
                    if self._spool.damaged:
                        self._set_aside()
                    self._load()
                    return True
                self._complain("another edge uses it: one directory for each edge")
            except (SpoolError, OSError) as error:
                held.close()
                self._complain(str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    await self._wake.wait()
            self._wake.clear()
        return False

    def _set_aside(self) -> None:
        """What it held is lost to us; what happens from now on need not be."""
        for task in self._attempts:
            task.cancel()
        self._changes.clear()
        for endpoint in self._endpoints.values():
            endpoint.begin_anew()
        aside = self._spool.set_aside()
        logs.get().error(
            "webhook.spool_damaged",
            kept_as=str(aside),
            fix="events that waited in it are not sent: `sqlite3 FILE .recover` may read them; "
            "look at the disk",
        )

    def _load(self) -> None:
        self._spool.open()
        for one in self._spool.disabled():
            endpoint = self._endpoints.get(one.endpoint)
            if endpoint is not None and endpoint.fingerprint != one.fingerprint:
                self._spool.enable(one.endpoint)  # it is another receiver by now
        self._look()

    def _look(self) -> None:
        """At what is on disk: at the start, and when another process has changed it."""
        disabled = {one.endpoint for one in self._spool.disabled()}
        for name, endpoint in self._endpoints.items():
            if endpoint.to_disable is None:
                endpoint.queue.disabled = name in disabled
            endpoint.dead_bytes = self._spool.dead_bytes(name)
            if not endpoint.queue.disabled:
                endpoint.queue.update(self._spool.jobs(name), time.time())

    async def _step(self) -> None:
        """One batch: wait for something, gather, keep, send."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._next_s()):
                await self._wake.wait()
        await asyncio.sleep(_BATCH_S if self._wake.is_set() else 0.0)
        self._wake.clear()
        self._heed_clock()
        if not self._keep():
            await asyncio.sleep(_AGAIN_S)
        elif time.monotonic() >= self._send_at_s:
            self._send_at_s = time.monotonic() + _SEND_EVERY_S
            self._start_attempts()

    def _heed_clock(self) -> None:
        """What is due is known by the wall clock, which may be set."""
        jump_s = ahead_s() - self._ahead_s
        if abs(jump_s) > _JUMP_S:
            self._ahead_s += jump_s
            for endpoint in self._endpoints.values():
                endpoint.queue.shift(jump_s)

    def _next_s(self) -> float:
        """Until an attempt is due, and no longer than a look at the disk."""
        due = [endpoint.queue.next_s() for endpoint in self._endpoints.values()]
        first = min((at_s for at_s in due if at_s is not None), default=float("inf"))
        left_s = max(first - time.time(), self._send_at_s - time.monotonic())
        return min(max(left_s, 0.0), _LOOK_EVERY_S)

    def _keep(self) -> bool:
        """Write what has happened. False: the disk does not take it."""
        happened = self._intake.take(_MOST_IN_A_BATCH)
        if self._intake:
            self._wake.set()
        new, changes = sorted_out(happened, self._endpoints), tuple(self._changes)
        try:
            numbers = self._spool.write(new, changes) if new or changes else []
            del self._changes[: len(changes)]
            happened.clear()
            for event, number in zip(new, numbers, strict=True):
                for name in event.endpoints:
                    job = Job(number, event.call_id, event.at_s, len(event.document))
                    self._endpoints[name].queue.add(job)
            self._keep_disabled()
            self._make_room()
            if self._spool.changed():
                self._look()
            self._tidy()
        except SpoolError as error:
            self._intake.put_back(happened)
            self._complain(str(error))
            return False
        if self._broken:
            self._broken = False
            logs.get().info("webhook.spool_back")
        self._tell_lost()
        for endpoint in self._endpoints.values():
            endpoint.tell_counts()
        return True

    def _keep_disabled(self) -> None:
        for endpoint in self._endpoints.values():
            if endpoint.to_disable is not None:
                self._spool.disable(endpoint.to_disable)
                endpoint.to_disable = None

    def _make_room(self) -> None:
        """Dead letters make room for what waits."""
        for name, endpoint in self._endpoints.items():
            room = max(0, endpoint.most_bytes - endpoint.queue.bytes)
            if endpoint.dead_bytes > room:
                dropped = self._spool.drop_oldest_dead(name, room * 9 // 10)
                endpoint.dead_bytes = self._spool.dead_bytes(name)
                if dropped:
                    endpoint.dropped(dropped, "its dead letters take too much room")

    def _tidy(self) -> None:
        moment = time.monotonic()
        if moment < self._tidied_at + _TIDY_EVERY_S:
            return
        self._tidied_at = moment
        now, settings = time.time(), self._settings
        unknown = self._spool.tidy(
            tuple(self._endpoints),
            dead_before_s=now - settings.keep_dead_s,
            born_before_s=now - settings.max_age_s - settings.keep_dead_s,
        )
        if unknown:
            logs.get().warning(
                "webhook.forgotten",
                events=unknown,
                fix="they waited for webhooks that the configuration does not have any more",
            )
        for name, endpoint in self._endpoints.items():
            endpoint.dead_bytes = self._spool.dead_bytes(name)

    def _start_attempts(self) -> None:
        now = time.time()
        for endpoint in self._endpoints.values():
            for group in endpoint.queue.take(now):
                task = asyncio.get_running_loop().create_task(self._attempt(endpoint, group))
                self._attempts.add(task)
                task.add_done_callback(self._attempts.discard)

    async def _attempt(self, endpoint: Endpoint, group: list[Job]) -> None:
        try:
            events = self._spool.events([job.number for job in group])
        except SpoolError as error:
            endpoint.queue.put_back(group, time.time() + _AGAIN_S)
            self._complain(str(error))
            return
        if len(events) < len(group):  # somebody has deleted some of them
            endpoint.queue.put_back(group, time.time())
            endpoint.queue.drop(job for job in group if job.number not in events)
        else:
            answer = await self._answer(endpoint, [events[job.number] for job in group])
            self._heed_clock()  # before its next attempt is reckoned from it
            endpoint.over(group, answer)
        if not (self._giving_way or endpoint.batches):
            self._start_attempts()  # the next one of its call need not wait for the disk

    async def _answer(self, endpoint: Endpoint, events: list[tuple[str, bytes]]) -> Answer:
        try:
            return await endpoint.sender.send(events)
        except Exception as error:  # noqa: BLE001 (a bug of ours: told, and tried by the schedule)
            _fault().failed(endpoint.name, error)
            return Answer(cause=f"internal error: {type(error).__name__}")

    async def _finish(self) -> None:
        """Keep all, and send what can be sent at once."""
        while self._keep():
            if not self._giving_way:
                self._start_attempts()
            left_s = self._end_s - time.monotonic()
            if self._intake:
                continue
            if left_s <= 0 or not (self._attempts or self._changes):
                break
            if self._attempts:
                await asyncio.wait(self._attempts, timeout=left_s)

    # --- what is told of the spool itself -----------------------------------------------------

    def _complain(self, why: str) -> None:
        self._broken = True
        if self._complaints.ask("spool", time.monotonic()) is not None:
            logs.get().error("webhook.spool_failed", error=why, waiting=len(self._intake), fix=FIX)

    def _tell_lost(self, more: int = 0) -> None:
        lost = self._intake.lost + more - self._lost_told
        if lost:
            self._lost_told += lost
            for endpoint in self._endpoints.values():
                endpoint.dropped(lost, "the disk did not take them")


def _fault() -> FaultOwner:
    """A new one each time: the second fault is another one."""
    return FaultOwner("webhook.failed_inside", logs.get(), nothing)
