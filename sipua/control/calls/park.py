"""Parking a call, and fetching it from there."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from sipua.calls.steer import commands
from sipua.calls.steer.commands import Command
from sipua.control.calls import models
from sipua.control.calls.steer import PROBLEMS, allow, answer_of, steerable
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.models import Request

_ANSWERED_S = 10.0
"""The edge's own bound is shorter."""


class ParkOrder(Request):
    """No fields."""


class UnparkOrder(Request):
    to: str = Field(
        default="",
        max_length=512,
        description="A phone that is called, and then talks with the caller: a number or SIP URI "
        "that `place.prefixes` of the token allow. Empty: the agent has the call again.",
    )
    account: str = Field(
        default="", max_length=64, description="The account or trunk that `to` is called by."
    )


class ParkResource:
    def __init__(self, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._state = state
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        answers = {200: models.Outcome, 202: models.Outcome}
        return (
            Endpoint(
                "POST",
                "/v1/calls/{id}/park",
                "park_call",
                "Park a call: the caller waits in a slot, whose number is in `values`.",
                self._park,
                Right.OPERATOR,
                answers,
                body=ParkOrder,
                body_needed=False,
                problems=PROBLEMS,
            ),
            Endpoint(
                "POST",
                "/v1/calls/{id}/unpark",
                "unpark_call",
                "Have somebody fetch a parked call, or give it back to the agent.",
                self._unpark,
                Right.OPERATOR,
                answers,
                body=UnparkOrder,
                body_needed=False,
                problems=(*PROBLEMS, Kind.NOT_ALLOWED_TO_CALL),
            ),
        )

    async def _park(self, asked: Asked) -> Answer:
        return await self._steer(asked, commands.Park())

    async def _unpark(self, asked: Asked) -> Answer:
        order: UnparkOrder = asked.body
        if not order.to:
            return await self._steer(asked, commands.Unpark())
        allow(asked.token, order.to, "it is not among the token's place.prefixes")
        command = commands.Supervise(order.to, order.account, "takeover", fetch=True)
        return await self._steer(asked, command)

    async def _steer(self, asked: Asked, command: Command) -> Answer:
        call = steerable(self._state, asked)
        done = await self._link.run(self._edge.steer(call.id, command, asked.by), _ANSWERED_S)
        return answer_of(call, done)
