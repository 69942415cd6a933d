"""The resolver of host names, on a thread of its own: neither the media loop nor the pjsua2 thread
ever waits for DNS, and the end of the process does not either.

`names.NameTable` decides, `lookup.Lookup` asks; here are the clock, the thread, and the callbacks
that wait for an answer.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable

from sipua.process.side_loop import SideLoop
from sipua.sip.dns.names import Name, NameTable, News, NotFound, Outcome

Done = Callable[[Outcome], None]


class Resolver:
    def __init__(
        self,
        look_up: Callable[[Name], Awaitable[Outcome]],
        keep: Iterable[Name],
        on_news: Callable[[News], None],
    ) -> None:
        """`keep`: names that are looked up from the start on, again and again. `on_news` is called
        on the resolver's thread.
        """
        self._look_up = look_up
        self._on_news = on_news
        self._lock = threading.Lock()
        self._table = NameTable(random.Random())  # noqa: S311 (a draw among servers)
        self._first = set(keep)
        for name in self._first:
            self._table.keep(name)
        self._waiting: dict[Name, list[Done]] = {}
        self._side = SideLoop("names")
        self._all_asked = asyncio.Event()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self, first_s: float) -> None:
        """Start, and wait until each kept name was looked up once, at most `first_s`."""
        self._side.submit(self._keep_fresh())
        if self._first:
            await self._side.run(self._first_round(first_s))

    async def close(self) -> None:
        """Stop: running look-ups are given up, and no callback is called any more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        await self._side.close()

    def keep_only(self, names: Collection[Name]) -> None:
        """Look these up again and again from now on, and no others."""
        with self._lock:
            self._table.keep_only(names)
        self._side.submit(self._look_again())

    def ask(self, name: Name, later: Done) -> Outcome | None:
        """The outcome; None: it is not known yet, and `later` gets it on the resolver's thread."""
        now = time.monotonic()
        with self._lock:
            if self._closed:
                return NotFound("the end has begun")
            outcome = self._table.ask(name, now)
            if outcome is not None:
                return outcome
            self._waiting.setdefault(name, []).append(later)
            begins = self._table.begin(name, now)
        if begins:
            self._side.submit(self._resolve(name))
        return None

    # --- on the thread --------------------------------------------------------------------

    async def _first_round(self, first_s: float) -> None:
        try:
            async with asyncio.timeout(first_s):
                await self._all_asked.wait()
        except TimeoutError:
            return

    async def _look_again(self) -> None:
        self._changed.set()

    async def _keep_fresh(self) -> None:
        while True:
            now = time.monotonic()
            self._changed.clear()
            with self._lock:
                due = [name for name in self._table.due(now) if self._table.begin(name, now)]
                next_due = self._table.next_due()
            for name in due:
                task = asyncio.create_task(self._resolve(name))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            try:
                async with asyncio.timeout(None if next_due is None else next_due - now):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _resolve(self, name: Name) -> None:
        try:
            outcome = await self._look_up(name)
        except Exception as error:  # noqa: BLE001 (the waiting callback must get an answer)
            outcome = NotFound(f"{type(error).__name__}: {error}")
        with self._lock:
            holds, news = self._table.end(name, outcome, time.monotonic())
            waiting = self._waiting.pop(name, [])
        try:
            if news is not None:
                self._on_news(news)
        finally:
            self._first.discard(name)
            if not self._first:
                self._all_asked.set()
            self._changed.set()
            for later in waiting:
                later(holds)
