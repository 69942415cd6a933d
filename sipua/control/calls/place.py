"""Placing calls by the API, once for each Idempotency-Key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sipua.calls.steer import place_request
from sipua.calls.steer.metadata import LONGEST_METADATA, MOST_METADATA
from sipua.calls.steer.place_request import PlaceRequest
from sipua.control.calls import models
from sipua.control.calls.calls import shown
from sipua.control.calls.placer import Placer, may_place
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.idempotency import IdempotencyKeys
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right, Token
from sipua.control.link.state import State
from sipua.control.resources.models import Request
from sipua.control.view.calls import CallView
from sipua.sip.parties import headers

LONGEST_WAIT_S = 120.0
_Header = Annotated[str, Field(max_length=headers.LONGEST)]
_HeaderName = Annotated[str, Field(max_length=64)]
_Value = Annotated[str, Field(max_length=LONGEST_METADATA)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]


class PlaceOrder(Request):
    to: str = Field(
        min_length=1,
        max_length=512,
        description="A number at the trunk or account, or a SIP URI; the token must allow it.",
    )
    origin: str = Field(
        default="",
        max_length=64,
        description="The trunk or account that it goes out by. Empty: for a number as the rules of "
        "`[[outbound_routes]]` say, else straight to the host in `to`.",
    )
    route: str = Field(
        default="", max_length=64, description="The agent. Empty: the first route that fits."
    )
    headers: dict[_HeaderName, _Header] = Field(
        default={},
        max_length=headers.MOST,
        description="Of the INVITE: `X-…`, Subject, User-to-User and such.",
    )
    caller_id: str = Field(
        default="",
        max_length=64,
        description="Our number in this call, if `allowed_caller_ids` of the trunk has it. Empty: "
        "the trunk's.",
    )
    metadata: dict[_Name, _Value] = Field(default={}, max_length=MOST_METADATA)
    ring_timeout_s: float | None = Field(default=None, ge=1, le=place_request.LONGEST_RING_S)
    max_duration_s: float | None = Field(default=None, ge=1, le=place_request.LONGEST_CALL_S)
    answering: Literal["", "off", "detect"] = Field(
        default="",
        description="Whether it is found out who has answered. Empty: as the route has it.",
    )
    on_voicemail: Literal["", "agent", "message", "hangup"] = Field(
        default="",
        description="What happens when a machine has answered. Empty: as the route has it.",
    )
    wait_s: float = Field(
        default=0,
        ge=0,
        le=LONGEST_WAIT_S,
        description="Wait so long until it is answered or has ended; the answer shows what it is "
        "then. 0: answer at once.",
    )


class PlaceResource:
    def __init__(self, state: State, placer: Placer) -> None:
        self._state = state
        self._placer = placer
        self._keys = IdempotencyKeys()
        self._placing: set[asyncio.Task[Answer]] = set()

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "POST",
                "/v1/calls",
                "place_call",
                "Place a call: the agent of its route talks with whoever answers.",
                self._place,
                Right.READONLY,
                {201: models.Call},
                body=PlaceOrder,
                problems=(
                    Kind.KEY_MISSING,
                    Kind.KEY_IN_USE,
                    Kind.KEY_REUSED,
                    Kind.NOT_ALLOWED_TO_CALL,
                    Kind.BLOCKED,
                    Kind.STORAGE,
                    Kind.NOT_READY,
                    Kind.NO_CAPACITY,
                    Kind.EDGE_SILENT,
                ),
                idempotent=True,
            ),
        )

    async def _place(self, asked: Asked) -> Answer:
        token = asked.token
        may_place(token)
        assert token is not None
        order: PlaceOrder = asked.body
        key = asked.request.headers.get("Idempotency-Key")
        same = order.model_dump_json().encode()
        before = self._keys.begin(token.name, key, same, time.monotonic())
        if before is not None:
            return before
        assert key is not None
        # What was begun is finished, also when the one who asked has gone: the key must tell it.
        work = asyncio.get_running_loop().create_task(
            self._begun(token, key, order), name="placing a call"
        )
        self._placing.add(work)
        work.add_done_callback(self._placing.discard)
        return await asyncio.shield(work)

    async def _begun(self, token: Token, key: str, order: PlaceOrder) -> Answer:
        try:
            call = await self._placer.place(token, _request(order))
        except ProblemError as problem:
            if problem.kind is not Kind.EDGE_SILENT:  # else it may have been placed: never twice
                self._keys.forget(token.name, key)
            raise
        answer = self._answer(call)
        self._keys.finish(token.name, key, answer)
        if not order.wait_s:
            return answer
        await self._until_answered(call, order.wait_s)
        return self._answer(call)

    async def _until_answered(self, call: CallView, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while call.state not in ("active", "ended"):
                    await self._state.news()
        except TimeoutError:
            return  # the answer shows the state

    def _answer(self, call: CallView) -> Answer:
        return Answer(shown(call), 201, {"Location": f"/v1/calls/{call.id}"})


def _request(order: PlaceOrder) -> PlaceRequest:
    return PlaceRequest(
        to=order.to,
        origin=order.origin,
        route=order.route,
        headers=order.headers,
        caller_id=order.caller_id,
        metadata=order.metadata,
        ring_timeout_s=order.ring_timeout_s,
        max_duration_s=order.max_duration_s,
        answering=order.answering,
        on_voicemail=order.on_voicemail,
    )
