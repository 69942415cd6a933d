"""Events as they happen, as server-sent events: `curl -N`, or a browser's EventSource.

A reader has no queue: it has a place in the ring, and gets what came after it. One that does not
read is cut off when its connection takes nothing for `STUCK_S`; it comes back with the number of
the last event that it has seen, and gets the rest, as long as the ring has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from aiohttp import web
from pydantic import BeforeValidator, Field

from sipua.control.http.endpoint import EVENTS, Asked, Endpoint
from sipua.control.http.sending import reset
from sipua.control.http.tokens import Right, Tokens
from sipua.control.link.state import State
from sipua.control.resources.models import Query
from sipua.control.view.ring import Filter, Kept
from sipua.events.stream import KEPT

COMMENT_S = 15.0
"""Between two signs of life: what stands between us and the reader ends what is silent."""
STUCK_S = 10.0
_AT_ONCE = 100
"""Events in one write."""
_GATHER_S = 0.1
"""Between two writes to one reader: many events go in one."""
_Type = Annotated[str, Field(pattern=r"^[a-z_]{1,32}([.][a-z_]{1,32}|[.][*])$")]
_COMMENT = b": still here\n\n"


def _split(value: object) -> object:
    return tuple(value.split(",") if value else ()) if isinstance(value, str) else value


class EventsQuery(Query):
    types: Annotated[tuple[_Type, ...], BeforeValidator(_split)] = Field(
        default=(),
        max_length=32,
        description="Types, with commas between them: `call.answered`, `turn.*`. Empty: all.",
    )
    call: str = Field(default="", max_length=64, description="Of this call only.")
    kept: int = Field(
        default=0,
        ge=0,
        le=KEPT,
        description="Begin with so many of the last events of all; not with Last-Event-ID.",
    )


class EventsResource:
    def __init__(self, state: State, tokens: Tokens) -> None:
        self._state = state
        self._tokens = tokens
        self.readers = 0
        self.cut_off = 0

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/events",
                "follow_events",
                "All that happens, as server-sent events.",
                self._follow,
                Right.READONLY,
                {200: None},
                query=EventsQuery,
                media_type=EVENTS,
                headers={
                    "Last-Event-ID": "The last event that was seen: what came after it is sent "
                    "first, or `event: reset` when not all of it is kept."
                },
            ),
        )

    async def _follow(self, asked: Asked) -> web.StreamResponse:
        query: EventsQuery = asked.query
        wanted = Filter(query.types, query.call, words=asked.may(Right.OPERATOR))
        response = web.StreamResponse(
            headers={
                "Content-Type": EVENTS,
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # a proxy must not gather events
                "X-Content-Type-Options": "nosniff",
                "Server": "sipua",
            }
        )
        await response.prepare(asked.request)
        self.readers += 1
        try:
            await self._write(response, b"retry: 2000\n\n")
            await self._run(response, wanted, asked)
        except TimeoutError:
            self.cut_off += 1
            reset(asked.request.transport)
        finally:
            self.readers -= 1
        return response

    async def _run(self, response: web.StreamResponse, wanted: Filter, asked: Asked) -> None:
        """Until it, or the API, ends, or its token is taken back. Raises TimeoutError for a reader
        that takes nothing.
        """
        last_seen = asked.request.headers.get("Last-Event-ID", "")
        kept_events = asked.query.kept
        ring = self._state.ring
        position = ring.last - min(kept_events, len(ring))
        if last_seen:
            seen = ring.position(last_seen)
            position = -1 if seen is None else seen
        while not self._state.closing and self._tokens.knows(asked.token):
            kept = ring.after(position, _AT_ONCE)
            if kept is None:
                position = ring.last
                await self._write(response, self._reset(last_seen))
            elif kept:
                position = kept[-1].happened.sequence
                if data := _frames(kept, wanted):
                    await self._write(response, data)
                if position == ring.last:
                    await asyncio.sleep(_GATHER_S)
            else:
                await self._wait(response)

    async def _wait(self, response: web.StreamResponse) -> None:
        try:
            async with asyncio.timeout(COMMENT_S):
                await self._state.news()
        except TimeoutError:
            await self._write(response, _COMMENT)

    def _reset(self, last_seen: str) -> bytes:
        ring = self._state.ring
        about = msgspec.json.encode({"last_seen": last_seen[:64]}).decode()
        return f"id: {ring.boot}-{ring.last}\nevent: reset\ndata: {about}\n\n".encode()

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(STUCK_S):
            await response.write(data)


def _frames(kept: Sequence[Kept], wanted: Filter) -> bytes:
    return b"".join(one.frame for one in kept if wanted.takes(one.happened))
