"""The queues of an edge, over all its workers: what calls say of them, and whose turn it is; and
which members take callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.facts import CallFacts
from sipua.config import Config
from sipua.edge.calls.queues.member_file import MemberFile
from sipua.edge.wiring import queues as wiring_queues
from sipua.events.event import Event
from sipua.events.queue_events import MemberChanged
from sipua.events.teller import Told
from sipua.queue.orders import JoinQueue, LeaveQueue, QueueNews, QueueOrder
from sipua.queue.presence import Presence, PresenceState
from sipua.queue.queues import Queues, QueueState
from sipua.queue.slots import EngineState

TRANSFERRED: Final = "call.transferred"
WITHOUT_AGENT: Final = ("call.fallback", "documents.began")
ENGINE_IN_USE: Final = "engine.in_use"
SUPERVISED: Final = ("call.supervised", "call.supervisor_mode")


class EdgeQueues:
    """On the edge's loop."""

    def __init__(
        self,
        config: Config,
        send: Callable[[str, QueueNews], None],
        tell: Callable[[Event], None],
    ) -> None:
        """`send`: to the worker of a call. `tell`: an event of the edge."""
        self._send = send
        self._tell = tell
        file = config.queue_members.file
        self._file = MemberFile(Path(file).expanduser() if file else None)
        self._queues = Queues(wiring_queues.queues(config), self._file.read())
        self._slots = self._queues.slots
        self._use_engines(config)
        self._timer: asyncio.TimerHandle | None = None
        self._faults = FaultOwner().harmless("call.failed")

    def use(self, config: Config) -> None:
        """Who waits keeps the place."""
        self._use_engines(config)
        known = set(self._queues.presences)
        self._do(self._queues.use(wiring_queues.queues(config), time.monotonic()))
        if known != set(self._queues.presences):
            self._file.write(self._queues.presences)

    def _use_engines(self, config: Config) -> None:
        self._config = config
        self._engines = wiring_queues.first_engines(config)
        self._slots.use(wiring_queues.engine_limits(config))

    def on_order(self, order: QueueOrder) -> None:
        now = time.monotonic()
        match order:
            case JoinQueue():
                news = self._queues.join(
                    order.call_id,
                    order.queue,
                    now,
                    priority=order.priority,
                    waited_s=order.waited_s,
                    engine=self._engines.get(order.route, ""),
                )
            case LeaveQueue():
                news = self._queues.leave(order.call_id, now)
            case _:
                news = self._queues.offer_ended(
                    order.call_id, order.offer, order.answered, order.failed, now
                )
        self._do(news)

    def on_told(self, told: Told) -> None:
        """Of a call that is up. A person who has it takes the place of its agent, which is free for
        another one; so is one whose engine is lost. Another engine may take the place of the first:
        its slot is taken, whether there is one or not."""
        call_id, now = told.call_id, time.monotonic()
        if told.type == TRANSFERRED:
            self._do(self._queues.agent_left(call_id, now))
        elif told.type in SUPERVISED and _takes_over(told):
            self._do(self._queues.taken_over(call_id, now))
        elif told.type in WITHOUT_AGENT:
            self._do(self._queues.agent_lost(call_id, now))
        elif told.type == ENGINE_IN_USE:
            engine = str(msgspec.json.decode(told.data).get("engine", ""))
            if engine != self._slots.engine_of(call_id):
                self._slots.take(call_id, engine)
                self._do(self._queues.expire(now))

    def begin(self, facts: CallFacts) -> str:
        """A call begins: take a slot of its engine, if it begins with an agent. The name of the
        engine that has none left; empty: it has one, or needs none."""
        engine = self._engines.get(facts.route, "")
        if not wiring_queues.agent_at_once(self._config, facts):
            return ""
        if not self._slots.room(engine):
            return engine
        self._slots.take(facts.call_id, engine)
        return ""

    def over(self, call_id: str) -> None:
        """The call has ended, however it did."""
        news = self._queues.leave(call_id, time.monotonic())
        self._slots.over(call_id)
        self._do(news)

    def states(self) -> Sequence[QueueState]:
        return self._queues.states(time.monotonic())

    def engines(self) -> Sequence[EngineState]:
        """Those with a limit."""
        return self._slots.states()

    # --- members --------------------------------------------------------------------------

    def targets(self) -> Sequence[str]:
        """Of all members."""
        return tuple(self._queues.members())

    def target(self, queue: str, member: str) -> str | None:
        """None: there is no such member."""
        for target, places in self._queues.members().items():
            if (queue, member) in places:
                return target
        return None

    def set_presence(self, target: str, state: PresenceState, reason: str, by: str) -> None:
        """In all queues that have this member. `by`: whose token it was, or `dialled`."""
        presence = Presence(state, reason, round(time.time(), 3))
        news = self._queues.set_presence(target, presence, time.monotonic())
        places = self._queues.members().get(target, [])
        self._tell(
            MemberChanged(
                member=places[0][1] if places else "",
                queues=[queue for queue, _ in places],
                state=state,
                by=by,
                reason=reason or None,
            )
        )
        self._file.write(self._queues.presences)
        self._do(news)

    # --- the end --------------------------------------------------------------------------

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def written(self) -> None:
        """Until all that members have said is on the disk."""
        await self._file.stop()

    def _do(self, news: Sequence[QueueNews]) -> None:
        for one in news:
            self._send(one.call_id, one)
        self.stop()
        deadline = self._queues.deadline(time.monotonic())
        if deadline is not None:
            in_s = max(0.0, deadline - time.monotonic())
            self._timer = self._faults.call_later(in_s, "queues", self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._do(self._queues.expire(time.monotonic()))


def _takes_over(told: Told) -> bool:
    return bool(msgspec.json.decode(told.data).get("mode") == "takeover")
