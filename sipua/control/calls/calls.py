"""Calls: the list, one of them, its events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from sipua.control.calls import models
from sipua.control.calls.stats import Watching, stats_of
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.state import State
from sipua.control.resources.models import Query
from sipua.control.view.calls import CallView
from sipua.control.view.ring import Filter

_STATES = Literal["placing", "ringing", "active", "ended", "up"]


class CallsQuery(Query):
    state: _STATES = Field(default="up", description="`up`: all but those that have ended.")
    direction: Literal["incoming", "outgoing"] | None = None
    route: str | None = Field(default=None, max_length=64)
    origin: str | None = Field(default=None, max_length=64)
    limit: int = Field(default=100, ge=1, le=1000)
    after: int | None = Field(
        default=None, ge=0, le=2**53, description="`next` of the page before."
    )
    include: Literal["stats"] | None = None


class CallQuery(Query):
    include: Literal["stats"] | None = None


class CallsResource:
    def __init__(self, state: State, watch: Watching) -> None:
        self._state = state
        self._watch = watch

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/calls",
                "list_calls",
                "The calls, the newest first.",
                self._list,
                Right.READONLY,
                {200: models.Calls},
                query=CallsQuery,
            ),
            Endpoint(
                "GET",
                "/v1/calls/{id}",
                "show_call",
                "One call; for a while after its end, too.",
                self._show,
                Right.READONLY,
                {200: models.Call},
                query=CallQuery,
                problems=(Kind.NO_CALL,),
            ),
            Endpoint(
                "GET",
                "/v1/calls/{id}/events",
                "list_call_events",
                "The kept events of one call.",
                self._events,
                Right.READONLY,
                {200: models.CallEvents},
                problems=(Kind.NO_CALL,),
            ),
        )

    async def _list(self, asked: Asked) -> Answer:
        query: CallsQuery = asked.query
        if query.include == "stats":
            await self._watch.now()
        fitting = [one for one in self._state.calls.newest_first() if _fits(one, query)]
        page = fitting[: query.limit]
        more = len(fitting) > len(page)
        calls = [shown(one, stats=query.include == "stats") for one in page]
        return Answer(models.Calls(calls=calls, next=str(page[-1].sequence) if more else None))

    async def _show(self, asked: Asked) -> Answer:
        call = self._call(asked)
        with_stats = asked.query.include == "stats"
        if with_stats:
            await self._watch.now(call)
        return Answer(shown(call, stats=with_stats))

    async def _events(self, asked: Asked) -> Answer:
        call = self._call(asked)
        kept = self._state.ring.all(Filter(call_id=call.id, words=asked.may(Right.OPERATOR)))
        events = b",".join(one.json for one in kept)
        return Answer(b'{"events":[' + events + b"]}")

    def _call(self, asked: Asked) -> CallView:
        return found(self._state, asked.path["id"])


def found(state: State, call_id: str) -> CallView:
    """Raises ProblemError."""
    call = state.calls.get(call_id)
    if call is None:
        raise ProblemError(Kind.NO_CALL)
    return call


def _fits(call: CallView, query: CallsQuery) -> bool:
    if query.after is not None and call.sequence >= query.after:
        return False
    state = call.state != "ended" if query.state == "up" else call.state == query.state
    return (
        state
        and query.direction in (None, call.direction)
        and query.route in (None, call.route)
        and query.origin in (None, call.origin)
    )


def shown(call: CallView, *, stats: bool = False) -> models.Call:
    until = call.ended_at.timestamp() if call.ended_at else time.time()
    return models.Call.model_validate(
        {
            "id": call.id,
            "direction": call.direction,
            "state": call.state,
            "from": call.from_uri,
            "to": call.to_uri,
            "caller": call.caller,
            "called": call.called,
            "origin": call.origin,
            "route": call.route,
            "worker": call.worker,
            "created_at": call.created_at,
            "answered_at": call.answered_at,
            "ended_at": call.ended_at,
            "age_s": round(max(0.0, until - call.created_at.timestamp()), 3),
            "sip_call_id": call.sip_call_id,
            "source": call.source,
            "by": call.by or None,
            "metadata": call.metadata,
            "held": call.held,
            "muted": sorted(call.muted),
            "media": call.media,
            "engine": call.engine,
            "engine_up": call.engine_up,
            "turns": call.turns,
            "last_latency_ms": call.latency.get("total_ms"),
            "quality": call.quality,
            "transfer": call.transfer,
            "supervisor": call.supervisor,
            "parked": call.parked,
            "answered_by": call.answered_by,
            "recording": call.recording,
            "status": call.status,
            "end": call.end,
            "duration_s": call.duration_s,
            "stats": stats_of(call) if stats else None,
        }
    )
