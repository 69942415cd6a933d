"""Queues: who waits, for how long, and who serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.resources.models import Shown
from sipua.queue.queues import QueueState


class QueuedCall(Shown):
    call_id: str
    position: int = Field(description="From 1.")
    waited_s: float
    priority: int
    ringing: list[str] = Field(description="Members who are called for it now.")


class QueueMember(Shown):
    name: str
    state: Literal["free", "ringing", "talking", "paused"] = Field(
        description="`paused`: wrap-up, or left out for a while because it was not reached."
    )


class ShownQueue(Shown):
    name: str
    waiting: list[QueuedCall] = Field(description="The next one first.")
    longest_wait_s: float
    serving: int = Field(description="Callers who are served.")
    servers: int = Field(description="Members, or calls that the agent may have at once.")
    members: list[QueueMember]
    estimated_wait_s: float | None = Field(
        default=None, description="Of a caller who joined now; left out: too little is known."
    )


class ShownQueues(Shown):
    queues: list[ShownQueue]


class QueuesResource:
    def __init__(self, link: EdgeLink, edge: EdgePort) -> None:
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/queues",
                "list_queues",
                "All queues, with the callers who wait.",
                self._list,
                Right.READONLY,
                {200: ShownQueues},
                problems=(Kind.EDGE_SILENT,),
            ),
        )

    async def _list(self, _asked: Asked) -> Answer:
        states = await self._link.ask(self._edge.queues)
        return Answer(ShownQueues(queues=[_shown(state) for state in states]))


def _shown(state: QueueState) -> ShownQueue:
    return ShownQueue(
        name=state.name,
        waiting=[
            QueuedCall(
                call_id=one.call_id,
                position=one.position,
                waited_s=round(one.waited_s, 1),
                priority=one.priority,
                ringing=list(one.ringing),
            )
            for one in state.waiting
        ],
        longest_wait_s=round(state.longest_s, 1),
        serving=state.serving,
        servers=state.servers,
        members=[QueueMember(name=name, state=one) for name, one in state.members.items()],
        estimated_wait_s=None if state.wait_s is None else round(state.wait_s, 1),
    )
