"""Calls, as agents of Twilio ask for them.

A document (`Twiml`, or what `Url` leads to) leads the call from then on, whoever had it before. A
route is what Twilio calls an application.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.calls.steer import commands
from sipua.calls.steer.commands import Command
from sipua.calls.steer.place_request import PlaceRequest
from sipua.config.change.in_force import InForce
from sipua.control.calls.placer import Placer, may_place
from sipua.control.calls.steer import SteerResource, answer_of
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError, retry_later
from sipua.control.http.tokens import Right, Token
from sipua.control.link.state import State
from sipua.control.twilio.callbacks import PROGRESS, StatusCallbacks, Wanted
from sipua.control.twilio.dialect import NumberedProblemError
from sipua.control.twilio.document_orders import DocumentOrder, DocumentOrders
from sipua.control.twilio.models import CreateCall, ListCalls, UpdateCall
from sipua.control.twilio.view import rest_call
from sipua.control.view.calls import CallView
from sipua.twilio.request import CallStatus
from sipua.twilio.rest import errors, resource
from sipua.twilio.twiml.verbs import StatusCallback
from sipua.twilio.urls import resolved

_CALLS: Final = f"{resource.ROOT}/{{account}}/Calls"


class TwilioCalls:
    def __init__(
        self,
        callbacks: StatusCallbacks,
        in_force: InForce,
        state: State,
        steering: SteerResource,
        placer: Placer,
    ) -> None:
        self._account_sid = callbacks.account_sid
        self._callbacks = callbacks
        self._orders = DocumentOrders(in_force)
        self._state = state
        self._steering = steering
        self._placer = placer
        self._placing: set[asyncio.Task[CallView]] = set()

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            self._endpoint("GET", "/{sid}.json", self._show, Right.READONLY),
            self._endpoint("POST", "/{sid}.json", self._update, Right.OPERATOR, body=UpdateCall),
            self._endpoint("GET", ".json", self._list, Right.READONLY, query=ListCalls),
            self._endpoint("POST", ".json", self._create, Right.READONLY, body=CreateCall),
        )

    def _endpoint(
        self, method: str, path: str, handler: Any, right: Right, **more: Any
    ) -> Endpoint:
        async def handle(asked: Asked) -> Answer:
            if asked.path["account"] != self._account_sid:
                raise ProblemError(Kind.NOT_FOUND)
            answer: Answer = await handler(asked)
            return answer

        name = f"twilio{handler.__name__}_call"
        return Endpoint(
            method, f"{_CALLS}{path}", name, "", handle, right, {}, documented=False, **more
        )

    async def _show(self, asked: Asked) -> Answer:
        return self._shown(self._find(asked))

    async def _list(self, asked: Asked) -> Answer:
        query: ListCalls = asked.query
        given = {"Status": query.status, "To": query.to, "From": query.from_}
        filters = {name: value for name, value in given.items() if value}
        calls = [
            call
            for call in map(rest_call, self._state.calls.newest_first())
            if query.status in ("", call.status)
            and query.to in ("", call.to)
            and query.from_ in ("", call.from_)
        ]
        page = resource.page(
            calls, self._account_sid, number=query.page, size=query.page_size, filters=filters
        )
        return Answer(json.dumps(page).encode())

    async def _update(self, asked: Asked) -> Answer:
        order: UpdateCall = asked.body
        call = self._find(asked)
        if call.state == "ended":
            raise ProblemError(Kind.CALL_ENDED)
        if order.status == "canceled" and call.state == "active":
            raise ProblemError(Kind.WRONG_STATE, "the call is answered: Status=completed ends it")
        if order.status:
            await self._steer(call, commands.HangUp(f"REST: {order.status}"), asked)
            return self._shown(call, status=order.status)
        documents = self._orders.of(order, asked.token)
        if documents is None:
            return self._shown(call)
        if documents.ends:
            await self._steer(call, commands.HangUp("REST: Twiml"), asked)
            return self._shown(call, status="completed")
        await self._steer(call, documents.order, asked)
        return self._shown(call)

    async def _steer(self, call: CallView, command: Command, asked: Asked) -> None:
        """Raises ProblemError."""
        done = await self._steering.steer(call, command, asked.by)
        if done.status == "no_call" and isinstance(command, commands.HangUp):
            return  # it has ended, as it should
        answer_of(call, done)

    async def _create(self, asked: Asked) -> Answer:
        order: CreateCall = asked.body
        may_place(asked.token)
        assert asked.token is not None
        documents = self._orders.of(order, asked.token)
        if documents is None and not order.application_sid:
            raise NumberedProblemError(
                Kind.INVALID,
                "Url, Twiml or ApplicationSid (the name of a route) is to be there",
                code=errors.NO_APPLICATION,
            )
        wanted = self._wanted(order)
        # What was begun is finished, also when the one who asked has gone.
        work = asyncio.get_running_loop().create_task(
            self._placed(asked.token, _request(order, documents), wanted), name="placing a call"
        )
        self._placing.add(work)
        work.add_done_callback(self._placing.discard)
        call = await asyncio.shield(work)
        return self._shown(call, 201, status="queued")

    async def _placed(self, token: Token, request: PlaceRequest, wanted: Wanted | None) -> CallView:
        call = await self._placer.place(token, request)
        if wanted is not None:
            self._callbacks.follow(call, wanted)
        return call

    def _wanted(self, order: CreateCall) -> Wanted | None:
        """Raises ProblemError."""
        if not order.status_callback:
            return None
        url = resolved("", order.status_callback)
        callback = StatusCallback(url or "", order.status_callback_method)
        if url is None or not self._callbacks.may_tell(callback):
            words = "StatusCallback is no URL, or its host is none of `twilio.hosts`"
            raise NumberedProblemError(Kind.INVALID, words, code=errors.BAD_CALLBACK)
        events = frozenset(order.status_callback_event.split())
        if unknown := events - PROGRESS:
            words = f"StatusCallbackEvent: {' '.join(sorted(unknown))[:80]} is not known"
            raise NumberedProblemError(Kind.INVALID, words, code=errors.BAD_CALLBACK)
        if self._callbacks.full:
            raise retry_later(Kind.TOO_MANY, "too many calls with a StatusCallback", 60.0)
        return Wanted(callback, events)

    def _find(self, asked: Asked) -> CallView:
        """Raises ProblemError."""
        calls = self._state.calls
        every: Iterable[CallView] = (*calls.up.values(), *calls.ended.values())
        for call in every:
            if call_sid(call.id) == asked.path["sid"]:
                return call
        raise ProblemError(Kind.NO_CALL)

    def _shown(
        self, call: CallView, code: int = 200, *, status: CallStatus | None = None
    ) -> Answer:
        shown = resource.shown(rest_call(call), self._account_sid, status=status)
        return Answer(json.dumps(shown).encode(), code)


def _request(order: CreateCall, documents: DocumentOrder | None) -> PlaceRequest:
    return PlaceRequest(
        to=order.to,
        route=order.application_sid,
        caller_id=order.from_,
        ring_timeout_s=order.timeout,
        max_duration_s=order.time_limit,
        answering="detect" if order.machine_detection else "",
        documents=documents.order if documents else None,
    )
