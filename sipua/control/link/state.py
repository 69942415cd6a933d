"""What the API knows: the view and the kept events, fed from the edge's loop in batches.

edge's loop:  EventStream ─▶ Crossing.put      one append an event, one wake-up for many
API's loop:   Crossing.flush ─▶ State.take ─▶ ring, calls, edge; wakes those who follow
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.control.view.calls import CallsView
from sipua.control.view.edge import EdgeView
from sipua.control.view.ring import Ring
from sipua.events.stream import Happened
from sipua.log import logs

MOST_WAITING = 50_000
"""Events on the way. A thread that is so late has lost sight: the view is mended afterwards."""


class State:
    """Of the API's loop alone."""

    def __init__(self) -> None:
        self.ring = Ring()
        self.calls = CallsView()
        self.edge = EdgeView()
        self._faults = FaultOwner("api.view_failed", logs.get(), nothing)
        self.on_gap: Callable[[], None] = nothing
        """Called when events were lost on the way."""
        self.closing = False
        """The API ends: who follows is to go."""
        self._news: asyncio.Future[None] | None = None

    def take(self, happened: Sequence[Happened]) -> None:
        whole = self.ring.add(happened)
        for one in happened:
            # An event that the view cannot show costs no other one.
            self._faults.run(one.told.type, self.calls.apply, one)
            self._faults.run(one.told.type, self.edge.apply, one)
        if not whole:
            self.on_gap()
        self._tell()

    def look(self) -> None:
        """Have those who follow see whether they still may."""
        self._tell()

    def close(self) -> None:
        self.closing = True
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    async def news(self) -> None:
        """Until something has happened; its waiters share one future."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._news)


class Crossing:
    """From the edge's loop to the API's. What it costs the edge depends on no reader."""

    def __init__(self, take: Callable[[Sequence[Happened]], None]) -> None:
        self._take = take
        self._waiting: list[Happened] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False
        self.lost = 0
        """Events that found no room."""

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: the API's. Called on the edge's."""
        self._loop = loop
        self._wake()

    def close(self) -> None:
        self._loop = None

    def put(self, happened: Happened) -> None:
        """Called on the edge's loop."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(happened)
        self._wake()

    def _wake(self) -> None:
        if self._woken or self._loop is None or not self._waiting:
            return
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._flush)
        except RuntimeError:  # it is closed
            self._loop = None

    def _flush(self) -> None:
        """On the API's loop. What is put from here on wakes it again."""
        self._woken = False
        waiting, self._waiting = self._waiting, []
        self._take(waiting)
