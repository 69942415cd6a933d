"""Queues: who waits, for how long, and who serves; and whether a member takes callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.resources.models import Moment, Request, Shown
from sipua.queue.presence import PresenceState
from sipua.queue.queues import MemberState, QueueState


class QueuedCall(Shown):
    call_id: str
    position: int = Field(description="From 1.")
    waited_s: float
    priority: int
    ringing: list[str] = Field(description="Members who are called for it now.")


class QueueMember(Shown):
    name: str
    state: Literal["free", "ringing", "talking", "resting", "paused", "signed_out"] = Field(
        description="`resting`: wrap-up, or left out for a while because it was not reached. "
        "`paused`, `signed_out`: by the member's own word."
    )
    presence: PresenceState = Field(
        description="What the member has said, which also counts behind a call that is up."
    )
    reason: str = Field(default="", description="Of a pause.")
    since: Moment | None = Field(
        default=None, description="Since when; left out: the member has not said anything yet."
    )


class MemberOrder(Request):
    presence: PresenceState = Field(
        description="`signed_in`: the member takes callers, and a pause is over. `paused`, "
        "`signed_out`: it is not called; a call that is up or rings goes on."
    )
    reason: str = Field(
        default="", max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$", description="Of a pause."
    )


class ShownQueue(Shown):
    name: str
    waiting: list[QueuedCall] = Field(description="The next one first.")
    longest_wait_s: float
    serving: int = Field(description="Callers who are served.")
    servers: int = Field(
        description="Members who are signed in, or calls that the agent may have at once."
    )
    members: list[QueueMember]
    estimated_wait_s: float | None = Field(
        default=None, description="Of a caller who joined now; left out: too little is known."
    )


class EngineSlots(Shown):
    name: str
    calls: int = Field(description="That have it now, in a queue or not.")
    max_calls: int


class ShownQueues(Shown):
    queues: list[ShownQueue]
    engines: list[EngineSlots] = Field(description="Those that have a limit.")


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
            Endpoint(
                "POST",
                "/v1/queues/{queue}/members/{member}",
                "set_queue_member",
                "Sign a member in or out, or begin a pause: in all queues that it is in.",
                self._set_member,
                Right.OPERATOR,
                {200: ShownQueue},
                body=MemberOrder,
                problems=(Kind.NOT_FOUND, Kind.EDGE_SILENT),
            ),
        )

    async def _list(self, _asked: Asked) -> Answer:
        states, engines = await self._link.ask(
            lambda: (self._edge.queues(), self._edge.engine_slots())
        )
        return Answer(
            ShownQueues(
                queues=[_shown(state) for state in states],
                engines=[EngineSlots.model_validate(engine) for engine in engines],
            )
        )

    async def _set_member(self, asked: Asked) -> Answer:
        order: MemberOrder = asked.body
        queue, member = asked.path["queue"], asked.path["member"]
        reason = order.reason if order.presence == "paused" else ""

        def told() -> QueueState | None:
            known = self._edge.set_member(queue, member, order.presence, reason, asked.by)
            states = self._edge.queues() if known else ()
            return next((one for one in states if one.name == queue), None)

        state = await self._link.ask(told)
        if state is None:
            raise ProblemError(Kind.NOT_FOUND, "there is no such queue, or no such member in it")
        return Answer(_shown(state))


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
        members=[_member(one) for one in state.members],
        estimated_wait_s=None if state.wait_s is None else round(state.wait_s, 1),
    )


def _member(member: MemberState) -> QueueMember:
    said = member.presence
    return QueueMember(
        name=member.name,
        state=member.state,
        presence=said.state,
        reason=said.reason,
        since=datetime.fromtimestamp(said.since_s, UTC) if said.since_s else None,
    )
