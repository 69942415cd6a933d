"""What the API knows: the view and the kept events, fed from the edge's loop in batches.

edge's loop:  events, samples ─▶ Crossing.put      one append for each, one wake-up for many
API's loop:   Crossing.flush ─▶ State.take ─▶ ring, calls, edge; wakes those who follow all calls,
              or the call that it is of
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

import msgspec

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.control.view.calls import CallsView
from sipua.control.view.edge import EdgeView
from sipua.control.view.ladders import Ladders, SeenSip
from sipua.control.view.ring import Ring
from sipua.events.stream import Happened
from sipua.log import logs
from sipua.worker.link.messages import Samples

Crossed: TypeAlias = Happened | Samples | SeenSip
MOST_WAITING = 50_000
"""Events on the way. A thread that is so late has lost sight: the view is mended afterwards."""


class State:
    """Of the API's loop alone."""

    def __init__(self) -> None:
        self.ring = Ring()
        self.calls = CallsView()
        self.edge = EdgeView()
        self.ladders = Ladders()
        self._faults = FaultOwner("api.view_failed", logs.get(), nothing)
        self.on_gap: Callable[[], None] = nothing
        """Called when events were lost on the way."""
        self.closing = False
        """The API ends: who follows is to go."""
        self._news: asyncio.Future[None] | None = None
        self._news_of: dict[str, asyncio.Future[None]] = {}

    def take(self, crossed: Sequence[Crossed]) -> None:
        happened = [one for one in crossed if isinstance(one, Happened)]
        whole = self.ring.add(happened)
        # What the view cannot show costs nothing else.
        for one in crossed:
            match one:
                case Happened():
                    self._faults.run(one.told.type, self._happened, one)
                case Samples():
                    self._faults.run("samples", self.calls.sampled, one)
                case SeenSip():
                    self._faults.run("SIP message", self.ladders.take, one)
        if not whole:
            self.on_gap()
        if happened:
            self._tell()

    def _happened(self, one: Happened) -> None:
        call = self.calls.apply(one)
        self.edge.apply(one)
        if (news := self._news_of.pop(one.told.call_id, None)) is not None:
            news.set_result(None)
        match one.told.type:
            case "call.leg" | "call.party_changed" if call is not None:
                # A second leg, or another party: the same ladder.
                fields = msgspec.json.decode(one.told.data)
                self.ladders.begin(call.id, fields["sip_call_id"])
            case "call.incoming" | "call.invited" if call is not None:
                self.ladders.begin(call.id, call.sip_call_id, call.source)
            case "call.ended":
                self.ladders.end(one.told.call_id)

    def keep_only(self, up: Collection[str]) -> None:
        """Events were lost on the way: these calls are up, and no others."""
        self.calls.keep_only(up)
        self.ladders.keep_only(up)
        waiting, self._news_of = self._news_of, {}
        for news in waiting.values():
            news.set_result(None)

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

    async def news_of(self, call_id: str) -> None:
        """The same of one call: who follows many calls is not woken for each of all."""
        news = self._news_of.get(call_id)
        if news is None:
            news = self._news_of[call_id] = asyncio.get_running_loop().create_future()
        await asyncio.shield(news)


class Crossing:
    """From the edge's loop to the API's. What it costs the edge depends on no reader."""

    def __init__(self, take: Callable[[Sequence[Crossed]], None]) -> None:
        self._take = take
        self._waiting: list[Crossed] = []
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

    def put(self, one: Crossed) -> None:
        """Called on the edge's loop."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(one)
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
