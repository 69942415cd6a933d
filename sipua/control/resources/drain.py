"""Draining: no new calls, those that are up end by themselves; it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.resources.models import Request, Shown


class DrainOrder(Request):
    timeout_s: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        description="Hang up what is left after so long. Null: never.",
    )
    stop: bool = Field(default=False, description="End the process with the last call.")


class Drain(Shown):
    """How far it is."""

    draining: bool
    calls: int = Field(description="Calls that are up.")
    oldest_s: float = Field(description="Age of the oldest of them; 0: there is none.")
    left_s: float | None = Field(default=None, description="Until what is left is hung up.")
    stopping: bool = Field(description="The process ends with the last call.")


class DrainResource:
    def __init__(self, link: EdgeLink, edge: EdgePort) -> None:
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "POST",
                "/v1/drain",
                "begin_drain",
                "Take no more calls: 503 to INVITE and OPTIONS, and not ready.",
                self._begin,
                Right.ADMIN,
                {200: Drain},
                body=DrainOrder,
                body_needed=False,
                problems=(Kind.EDGE_SILENT,),
            ),
            Endpoint(
                "GET",
                "/v1/drain",
                "show_drain",
                "What is left.",
                self._show,
                Right.READONLY,
                {200: Drain},
                problems=(Kind.EDGE_SILENT,),
            ),
            Endpoint(
                "DELETE",
                "/v1/drain",
                "end_drain",
                "Take calls again.",
                self._end,
                Right.ADMIN,
                {200: Drain},
                problems=(Kind.EDGE_SILENT, Kind.WRONG_STATE),
            ),
        )

    async def _begin(self, asked: Asked) -> Answer:
        order: DrainOrder = asked.body
        await self._link.ask(lambda: self._edge.begin_drain(order.timeout_s, stop=order.stop))
        return await self._show(asked)

    async def _end(self, asked: Asked) -> Answer:
        if not await self._link.ask(self._edge.end_drain):
            raise ProblemError(Kind.WRONG_STATE, "the process ends already")
        return await self._show(asked)

    async def _show(self, _asked: Asked) -> Answer:
        edge = await self._link.ask(self._edge.state)
        return Answer(
            Drain(
                draining=edge.draining,
                calls=edge.calls,
                oldest_s=round(edge.oldest_s, 3),
                left_s=None if edge.drain_left_s is None else round(edge.drain_left_s, 3),
                stopping=edge.stopping,
            )
        )
