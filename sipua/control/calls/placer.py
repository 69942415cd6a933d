"""Placing calls: a right of its own, bounded by whom, how many at once, and how often."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.control.http.limits import Bucket
from sipua.control.http.problems import Kind, ProblemError, retry_later
from sipua.control.http.tokens import Placing, Token
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.view.calls import CallView
from sipua.sip.parties.whom import may_call

_PLACED_WITHIN_S = 10.0
"""The look-up of the host's name included."""
_SEEN_WITHIN_S = 2.0


def may_place(token: Token | None) -> Placing:
    """Its right. Raises ProblemError."""
    if token is None or token.placing is None:
        raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, "this token may place no calls")
    return token.placing


class Placer:
    """One for all ways to ask: the bounds of a token are for all of them together."""

    def __init__(self, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._state = state
        self._link = link
        self._edge = edge
        self._rates: dict[str, Bucket] = {}
        self._beginning: Counter[str] = Counter()
        """Calls that each token is placing, and that the view does not show yet."""

    async def place(self, token: Token, request: PlaceRequest) -> CallView:
        """Not to be cancelled: the call would be there, and nobody know it. Raises ProblemError."""
        self._check(token, may_place(token), request.to)
        self._beginning[token.name] += 1
        try:
            return await self._placed(replace(request, by=token.name))
        finally:
            self._beginning[token.name] -= 1

    def _check(self, token: Token, placing: Placing, to: str) -> None:
        """Raises ProblemError."""
        if not may_call(to, placing.prefixes):
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

    async def _placed(self, request: PlaceRequest) -> CallView:
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
        call.metadata = dict(request.metadata)
        return call


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
