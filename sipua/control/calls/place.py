"""Placing calls: a right of its own, bounded by whom, how many at once, and how often."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sipua.calls.steer import place_request
from sipua.calls.steer.metadata import LONGEST_METADATA, MOST_METADATA
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.control.calls import models
from sipua.control.calls.calls import shown
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.idempotency import IdempotencyKeys
from sipua.control.http.limits import Bucket
from sipua.control.http.problems import Kind, ProblemError, retry_later
from sipua.control.http.tokens import Placing, Right, Token
from sipua.control.http.whom import may_call
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.models import Request
from sipua.control.view.calls import CallView
from sipua.sip.parties import headers

LONGEST_WAIT_S = 120.0
_PLACED_WITHIN_S = 10.0
"""The look-up of the host's name included."""
_SEEN_WITHIN_S = 2.0

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
    def __init__(self, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._state = state
        self._link = link
        self._edge = edge
        self._keys = IdempotencyKeys()
        self._rates: dict[str, Bucket] = {}
        self._beginning: Counter[str] = Counter()
        """Calls that each token is placing, and that the view does not show yet."""
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
        if token is None or token.placing is None:
            raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, "this token may place no calls")
        order: PlaceOrder = asked.body
        key = asked.request.headers.get("Idempotency-Key")
        same = order.model_dump_json().encode()
        before = self._keys.begin(token.name, key, same, time.monotonic())
        if before is not None:
            return before
        assert key is not None
        # What was begun is finished, also when the one who asked has gone: the key must tell it.
        work = asyncio.get_running_loop().create_task(
            self._begun(token, token.placing, key, order), name="placing a call"
        )
        self._placing.add(work)
        work.add_done_callback(self._placing.discard)
        return await asyncio.shield(work)

    async def _begun(self, token: Token, placing: Placing, key: str, order: PlaceOrder) -> Answer:
        try:
            self._check(token, placing, order)
            self._beginning[token.name] += 1
            try:
                call = await self._placed(order, token.name)
            finally:
                self._beginning[token.name] -= 1
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

    def _check(self, token: Token, placing: Placing, order: PlaceOrder) -> None:
        """Raises ProblemError."""
        if not may_call(order.to, placing.prefixes):
            words = "`to` is not among the token's place.prefixes"
            raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, words)
        up = sum(call.by == token.name for call in self._state.calls.up.values())
        if up + self._beginning[token.name] >= placing.max_calls:
            words = f"this token may have {placing.max_calls} calls at once"
            raise retry_later(Kind.TOO_MANY, words, 5.0)
        rate = self._rates.get(token.name)
        if rate is None:
            rate = Bucket(placing.per_minute / 60, placing.per_minute)
            self._rates[token.name] = rate
        wait_s = rate.take(time.monotonic())
        if wait_s:
            words = f"this token may place {placing.per_minute} calls a minute"
            raise retry_later(Kind.TOO_MANY, words, wait_s)

    async def _placed(self, order: PlaceOrder, by: str) -> CallView:
        request = PlaceRequest(
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
            by=by,
        )
        try:
            call_id = await self._link.run(self._edge.place(request), _PLACED_WITHIN_S)
        except CannotPlaceError as error:
            raise _refused(error) from None
        try:
            async with asyncio.timeout(_SEEN_WITHIN_S):
                while (call := self._state.calls.get(call_id)) is None:
                    await self._state.news()
        except TimeoutError:
            raise ProblemError(Kind.EDGE_SILENT, f"{call_id} is placed, but not seen") from None
        call.metadata = dict(order.metadata)
        return call

    async def _until_answered(self, call: CallView, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while call.state not in ("active", "ended"):
                    await self._state.news()
        except TimeoutError:
            return  # the answer shows the state

    def _answer(self, call: CallView) -> Answer:
        return Answer(shown(call), 201, {"Location": f"/v1/calls/{call.id}"})


def _refused(error: CannotPlaceError) -> ProblemError:
    kind = {
        "invalid": Kind.INVALID,
        "blocked": Kind.BLOCKED,
        "list_unreadable": Kind.STORAGE,
        "draining": Kind.NOT_READY,
        "failed": Kind.INTERNAL,
        "trunk_full": Kind.TOO_MANY,
    }.get(error.kind, Kind.NO_CAPACITY)
    if error.retry_after_s:
        return retry_later(kind, str(error), error.retry_after_s)
    return ProblemError(kind, str(error))
