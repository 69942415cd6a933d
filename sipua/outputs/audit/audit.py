"""The audit log of an edge: a reader of its events.

    loop:    an event ──▶ a queue (nothing else happens there)
    thread:  the queue ──▶ a line each ──▶ the file of the month, fsync, and its hash into the log

A full disk stops nothing: an edge must be steered above all when something is broken. Lines wait
for room, up to a bound; what is lost then has a line of its own, once there is room.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, Final

import msgspec

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.events.stream import EventStream, Happened
from sipua.events.teller import rfc3339
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.outputs.audit import files
from sipua.outputs.audit.chain import Head, linked
from sipua.outputs.errors import OutputError

WANTED: Final = frozenset(
    {
        "api.request",
        "config.reloaded",
        "config.refused",
        "edge.listening",
        "edge.draining",
        "edge.drain_ended",
        "edge.stopped",
        "recording.fetched",
    }
)
FIX: Final = "the edge goes on, its audit lines wait for room: check the disk of `audit.directory`"
_MOST_WAITING: Final = 10_000
_MOST_CHANGES: Final = 100
"""Of one reload, in a line."""
_AGAIN_S: Final = 1.0
_STOP_S: Final = 2.0

Line = dict[str, Any]


class Audit:
    """The loop calls `on_event`, `start` and `stop`; the thread does the rest."""

    def __init__(
        self,
        directory: Path,
        events: EventStream,
        changes: Callable[[], list[Mapping[str, str | None]]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`changes`: of the last reload, each key with both values, secrets masked."""
        self._directory = directory
        self._events = events
        self._changes = changes
        self._now = now
        self._waiting: deque[Line] = deque()
        self._lost = 0
        self._head: Head | None = None
        """None: to be read from the file."""
        self._failing = False
        self._complaints = Throttle(60.0)
        self._faults = FaultOwner("audit.failed", logs.get())
        self._lock: FileIO | None = None
        self._unsubscribe: Callable[[], None] = nothing
        self._wake = threading.Event()
        self._stopping = False
        # A daemon: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    async def start(self) -> None:
        """Raises OutputError: an edge that is to keep an audit log does not begin without it."""
        try:
            self._lock = files.take(self._directory)
            self._head = files.head(self._directory)
        except OSError as error:
            raise OutputError("audit.failed", str(error), "`audit.directory`") from error
        for happened in self._events.after(0) or ():  # the API may have been asked already
            self.on_event(happened)
        self._unsubscribe = self._events.subscribe(self.on_event)
        self._thread.start()

    async def stop(self) -> None:
        """Behind the last event."""
        self._unsubscribe()
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, _STOP_S)
        if self._lock is not None:
            self._lock.close()

    def on_event(self, happened: Happened) -> None:
        told = happened.told
        if told.type not in WANTED:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        line: Line = {
            "time": rfc3339(datetime.fromtimestamp(told.at_s, UTC)),
            "node": happened.node,
            "id": happened.id,
            "type": told.type,
            "data": msgspec.json.decode(told.data),
        }
        if told.type == "config.reloaded":
            changes = self._changes()
            line["changes"] = changes[:_MOST_CHANGES]
            if len(changes) > _MOST_CHANGES:
                line["changes_left_out"] = len(changes) - _MOST_CHANGES
        self._waiting.append(line)
        self._wake.set()

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait(_AGAIN_S if self._failing else None)
            self._wake.clear()
            stopping = self._stopping
            self._faults.harmless("audit.failed").run("audit", self.drain)
            if stopping:
                break
        if left := len(self._waiting) + self._lost:
            logs.get().error("audit.lost", lines=left, fix=FIX)

    def drain(self) -> None:
        """Write what waits."""
        try:
            while self._waiting or self._lost:
                self._write_next()
        except OSError as error:
            self._failing = True
            self._head = None  # whatever is in the file now
            if (kept_back := self._complaints.ask("disk", time.monotonic())) is not None:
                logs.get().error(
                    "audit.failed",
                    directory=str(self._directory),
                    error=error.strerror or str(error),
                    waiting=len(self._waiting),
                    lines_kept_back=kept_back,
                    fix=FIX,
                )
            return
        if self._failing:
            self._failing = False
            logs.get().info("audit.written_again")

    def _write_next(self) -> None:
        if self._head is None:
            self._head = files.head(self._directory)
        lost = 0
        if self._waiting:
            fields = self._waiting[0]
        else:
            lost = self._lost
            moment = rfc3339(self._now())
            fields = {"time": moment, "type": "audit.lost", "data": {"lines": lost}}
        line, head = linked(self._head, fields)
        files.append(files.of_month(self._directory, self._now().date()), line)
        self._head = head
        if lost:
            self._lost -= lost
        else:
            self._waiting.popleft()
        logs.get().info("audit.written", n=head.n, hash=head.hash, of=fields["type"])
