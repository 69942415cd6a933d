"""The numbers that calls of ours show, out of pools: taken before the INVITE, released at the end.

The counts are in a file that a thread reads and writes; how many calls each number has at present
is known here alone, by the events of calls.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from sipua.bridge.fault_owner import FaultOwner
from sipua.config import Config
from sipua.events.stream import EventStream, Happened
from sipua.outputs.number_uses import Day, NumberUses
from sipua.sip.parties.number_pool import UNWANTED, Exhausted, Pool


class PoolError(Exception):
    """The counts cannot be read or written: no call leaves, or caps would not be kept."""


T = TypeVar("T")


@dataclass(slots=True)
class _Taken:
    pool: Pool
    trunk: str
    number: str
    day: str
    """Empty: it is counted for another trunk of the call."""
    shown: bool = False
    """An INVITE with it has left."""


@dataclass(slots=True)
class _Call:
    numbers: list[_Taken] = field(default_factory=list)
    trunk: str = ""
    """That it goes out by at present."""


class NumberPools:
    """On the edge's loop."""

    def __init__(self, config: Config, events: EventStream) -> None:
        self._calls: dict[str, _Call] = {}
        self._up: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """The calls that each number has at present, by pool."""
        self._uses: NumberUses | None = None
        self._folder = Path(config.number_uses.directory).expanduser()
        self._thread: ThreadPoolExecutor | None = None
        self._one_at_a_time = asyncio.Lock()
        self._unsubscribe = events.subscribe(self._on_event)
        self.use(config)

    def use(self, config: Config) -> None:
        self._pools = {
            one.name: Pool(
                one.name,
                one.numbers,
                one.choice,
                one.max_calls_per_day,
                one.max_calls,
                one.rest_h * _HOUR_S,
            )
            for one in config.number_pools
        }
        self._zones = {one.name: ZoneInfo(one.time_zone) for one in config.number_pools}
        self._of_trunk = {one.name: one.number_pool for one in config.trunks if one.number_pool}

    async def stop(self) -> None:
        self._unsubscribe()
        if (thread := self._thread) is not None:
            self._thread = None
            await asyncio.to_thread(self._end, thread)

    def _end(self, thread: ThreadPoolExecutor) -> None:
        if self._uses is not None:
            thread.submit(self._uses.close)
        thread.shutdown()

    def has(self, trunk: str) -> bool:
        """Whether its calls show numbers of a pool."""
        return trunk in self._of_trunk

    async def take(self, call_id: str, trunk: str, destination: str) -> str | Exhausted:
        """A number for this call by this trunk; it is counted. Trunks of a call that have the same
        pool show the same one. Raises PoolError."""
        pool = self._pools[self._of_trunk[trunk]]
        call = self._calls.get(call_id, _Call())
        for one in call.numbers:
            if one.pool.name == pool.name:
                call.numbers.append(_Taken(pool, trunk, one.number, ""))
                return one.number
        async with self._one_at_a_time:
            now_s, up = time.time(), dict(self._up[pool.name])
            day = _day(self._zones[pool.name], now_s)
            try:
                number = await self._on_thread(
                    partial(self._take, pool, destination, up, now_s, day)
                )
            except (OSError, sqlite3.Error) as error:
                raise PoolError(f"{self._folder}: {error}") from None
            if isinstance(number, str):
                call.numbers.append(_Taken(pool, trunk, number, day.name))
                self._calls[call_id] = call
                self._up[pool.name][number] += 1
        return number

    def give_back(self, call_id: str) -> None:
        """The call has ended, or has never begun: a number that no INVITE has shown is not
        counted."""
        call = self._calls.pop(call_id, _Call())
        shown = {(one.pool.name, one.number) for one in call.numbers if one.shown}
        for one in call.numbers:
            if one.day:
                self._up[one.pool.name] -= Counter({one.number: 1})
                if (one.pool.name, one.number) not in shown:
                    self._later(partial(self._not_used, one))

    # --- on the thread ------------------------------------------------------------------------

    def _take(
        self, pool: Pool, destination: str, up: dict[str, int], now_s: float, day: Day
    ) -> str | Exhausted:
        if self._uses is None:
            self._uses = NumberUses(self._folder)
        return self._uses.take(pool, destination, up, now_s, day)

    def _not_used(self, one: _Taken) -> None:
        if self._uses is not None:
            self._uses.not_used(one.pool.name, one.number, one.day)

    def _rest(self, one: _Taken, until_s: float) -> None:
        if self._uses is not None:
            self._uses.rest(one.pool.name, one.number, until_s)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "number-uses")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _later(self, work: Callable[[], None]) -> None:
        """Before what is asked of the thread next."""
        if self._thread is not None:
            done = asyncio.wrap_future(self._thread.submit(work))
            FaultOwner().harmless("number_pool.failed").task(_finished(done), "number pool")

    # --- events -------------------------------------------------------------------------------

    def _on_event(self, happened: Happened) -> None:
        told = happened.told
        call = self._calls.get(told.call_id) if told.type in _TYPES else None
        if call is None:
            return
        data = msgspec.json.decode(told.data)
        match told.type:
            case "call.placing":
                call.trunk = data["account"]
            case "call.invited":
                call.trunk = data.get("origin") or call.trunk
                for one in call.numbers:
                    one.shown = one.shown or one.trunk == call.trunk
            case _:
                self._ended(call, data)
                self.give_back(told.call_id)

    def _ended(self, call: _Call, data: dict[str, Any]) -> None:
        status = (data["end"].get("sip") or {}).get("status")
        if status not in UNWANTED or data.get("answered"):
            return
        for one in call.numbers:
            if one.trunk == call.trunk and one.pool.rest_s:
                self._later(partial(self._rest, one, time.time() + one.pool.rest_s))


async def _finished(work: asyncio.Future[None]) -> None:
    await work


_TYPES = frozenset({"call.placing", "call.invited", "call.ended"})
_HOUR_S = 3600.0


def _day(zone: ZoneInfo, now_s: float) -> Day:
    now = datetime.fromtimestamp(now_s, zone)
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return Day(now.date().isoformat(), tomorrow.timestamp())
