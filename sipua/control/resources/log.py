"""The level of the log, of the edge and of its workers, until the process ends."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort, LogLevel
from sipua.control.resources.models import Request, Shown


class LogOrder(Request):
    level: LogLevel = Field(description="The lowest level that is written.")


class Log(Shown):
    """What is written to the log."""

    level: LogLevel


class LogResource:
    def __init__(self, link: EdgeLink, edge: EdgePort) -> None:
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/log",
                "show_log",
                "The level of the log.",
                self._show,
                Right.READONLY,
                {200: Log},
                problems=(Kind.EDGE_SILENT,),
            ),
            Endpoint(
                "PUT",
                "/v1/log",
                "set_log",
                "Set it, until the edge is started again.",
                self._set,
                Right.ADMIN,
                {200: Log},
                body=LogOrder,
                problems=(Kind.EDGE_SILENT,),
            ),
        )

    async def _show(self, _asked: Asked) -> Answer:
        return Answer(Log(level=await self._link.ask(self._edge.log_level)))

    async def _set(self, asked: Asked) -> Answer:
        order: LogOrder = asked.body
        await self._link.ask(lambda: self._edge.set_log_level(order.level))
        return await self._show(asked)
