"""The queues of an edge, over all its workers: what calls say of them, and whose turn it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from sipua.bridge.fault_owner import FaultOwner
from sipua.config import Config
from sipua.edge.wiring import queues as wiring_queues
from sipua.events.teller import Told
from sipua.queue.orders import JoinQueue, LeaveQueue, QueueNews, QueueOrder
from sipua.queue.queues import Queues, QueueState

TRANSFERRED = "call.transferred"


class EdgeQueues:
    """On the edge's loop."""

    def __init__(self, send: Callable[[str, QueueNews], None]) -> None:
        """`send`: to the worker of a call."""
        self._send = send
        self._queues = Queues()
        self._timer: asyncio.TimerHandle | None = None
        self._faults = FaultOwner().harmless("call.failed")

    def use(self, config: Config) -> None:
        """Who waits keeps the place."""
        self._do(self._queues.use(wiring_queues.queues(config), time.monotonic()))

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
                )
            case LeaveQueue():
                news = self._queues.leave(order.call_id, now)
            case _:
                news = self._queues.offer_ended(
                    order.call_id, order.offer, order.answered, order.failed, now
                )
        self._do(news)

    def on_told(self, told: Told) -> None:
        """A target that has a call takes the place of its agent, which is free for another one."""
        if told.type == TRANSFERRED:
            self._do(self._queues.agent_left(told.call_id, time.monotonic()))

    def over(self, call_id: str) -> None:
        """The call has ended, however it did."""
        self._do(self._queues.leave(call_id, time.monotonic()))

    def states(self) -> Sequence[QueueState]:
        return self._queues.states(time.monotonic())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
