"""Health, for supervisors and load balancers: without a token, and without a word of calls.

All probes are answered: behind a proxy, or on the machine itself, many ask from one address, and
one that asks too often must not make the edge look dead for the others. So the edge's loop is asked
only so often, and a flood shares the last answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import Field

from sipua.config.change.in_force import InForce
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.limits import Bucket
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort, EdgeState
from sipua.control.link.state import State
from sipua.control.resources.models import Shown

RETRY_S = "5"
_PER_SECOND: Final = 20
"""Questions to the edge's loop."""


class Live(Shown):
    """The edge's loop runs."""

    status: Literal["live"] = "live"


class Ready(Shown):
    """A new call would be taken."""

    status: Literal["ready"] = Field(default="ready")


class HealthResource:
    def __init__(self, in_force: InForce, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._in_force = in_force
        self._state = state
        self._link = link
        self._edge = edge
        self._questions = Bucket(_PER_SECOND, _PER_SECOND)
        self._last: asyncio.Task[EdgeState] | None = None

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/health/live",
                "get_live",
                "Whether the edge works; 503: start it again.",
                self._live,
                None,
                {200: Live},
                problems=(Kind.EDGE_SILENT,),
                for_probes=True,
            ),
            Endpoint(
                "GET",
                "/health/ready",
                "get_ready",
                "Whether a new call would be taken; 503 says why not.",
                self._ready,
                None,
                {200: Ready},
                problems=(Kind.EDGE_SILENT, Kind.NOT_READY),
                for_probes=True,
            ),
        )

    async def _live(self, _asked: Asked) -> Answer:
        await self._edge_state()
        return Answer(Live())

    async def _ready(self, _asked: Asked) -> Answer:
        missing = "; ".join(self._missing(await self._edge_state()))
        if missing:
            raise ProblemError(Kind.NOT_READY, missing, headers={"Retry-After": RETRY_S})
        return Answer(Ready())

    async def _edge_state(self) -> EdgeState:
        """As it is; in a flood, as it was up to 50 ms ago. Raises ProblemError."""
        if self._last is None or not self._questions.take(time.monotonic()):
            ask = self._link.ask(self._edge.state)
            self._last = asyncio.get_running_loop().create_task(ask, name="health")
            self._last.add_done_callback(_seen)
        return await asyncio.shield(self._last)

    def _missing(self, edge: EdgeState) -> Iterator[str]:
        if not self._state.edge.listening:
            yield "starting"
        if edge.draining:
            yield "draining"
        if edge.worker_missing_s > 0:
            yield "no worker"
        if edge.calls >= edge.max_calls:
            yield "full"
        if edge.engine_missing_s > 0:
            yield "no engine"
        config = self._in_force.config
        if config.api.ready_needs_registrations:
            known = self._state.edge.registrations
            names = [account.name for account in config.accounts]
            out = [name for name in names if not _registered(known.get(name))]
            if out:
                yield f"not registered: {', '.join(out)}"


def _seen(asked: asyncio.Task[EdgeState]) -> None:
    """Its error is for those who wait; they may have gone."""
    if not asked.cancelled():
        asked.exception()


def _registered(one: object) -> bool:
    return getattr(one, "state", None) == "registered"
