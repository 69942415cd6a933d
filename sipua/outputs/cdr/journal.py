"""The writer of rows: from the events of the edge to the file of the day.

    loop:    an event ──▶ a queue (nothing else happens there)
    thread:  every 250 ms the queue ──▶ rows ──▶ the file, then fsync; whoever reads it is woken

A full disk stops nothing: rows wait for room, up to a bound; the rest is given up and counted, and
the log tells both. A killed process loses a quarter of a second of rows, and the line that it was
writing; the next process begins a new one behind it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from io import FileIO
from pathlib import Path
from typing import Final

import msgspec

from sipua.bridge.fault_owner import FaultOwner
from sipua.events.stream import Happened
from sipua.events.teller import Told
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.outputs.cdr import days, row
from sipua.outputs.cdr.calls_up import WANTED, CallsUp
from sipua.outputs.cdr.settings import CdrSettings
from sipua.process.disk import make_private

_EVERY_S: Final = 0.25
_STOP_S: Final = 2.0
_HOUSEKEEPING_S: Final = 3600.0
_MOST_EVENTS: Final = 65_536
"""A thousand calls a second for the time of a hanging disk would be 10 s of it."""
_MOST_ROWS: Final = 10_000
FIX: Final = "calls go on, their rows wait for room: check the disk of `cdr.directory`"


class Journal:
    """The loop calls `on_event`, the thread everything else but `start` and `stop`."""

    def __init__(
        self,
        settings: CdrSettings,
        node: str,
        *,
        on_written: Callable[[], None],
        before_deleting: Callable[[Path], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._on_written = on_written
        self._before_deleting = before_deleting
        self._now = now
        self._calls = CallsUp(node)
        self._events: deque[Told] = deque()
        self._rows: deque[bytes] = deque()
        self._rest = b""  # of a line whose end found no room
        self._rest_of: Path | None = None
        self._lost = 0
        self._lost_told = 0
        self._failing = False
        self._complaints = Throttle(60.0)
        self._tidied_at = -_HOUSEKEEPING_S
        self._faults = FaultOwner("cdr.failed", logs.get())
        self._stopping = threading.Event()
        # A daemon: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="cdr", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once it has written what waits, or the disk takes too long for that."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def on_event(self, happened: Happened) -> None:
        if happened.told.type not in WANTED:
            return
        if len(self._events) >= _MOST_EVENTS:
            self._lost += 1
            return
        self._events.append(happened.told)

    @property
    def lost(self) -> int:
        """Events and rows that were given up."""
        return self._lost

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopping.wait(_EVERY_S)
            self._faults.harmless("cdr.failed").run("journal", self.drain)
        self._give_up_rest()

    def drain(self) -> None:
        """Write what waits, and tell what could not be kept."""
        self._make_rows()
        try:
            self._write()
        except OSError as error:
            self._complain(error.strerror or type(error).__name__)
        self._tell_lost()
        moment = time.monotonic()
        if moment >= self._tidied_at + _HOUSEKEEPING_S:
            self._tidied_at = moment
            self._tidy()

    def _make_rows(self) -> None:
        while self._events:
            told = self._events.popleft()
            try:
                made = self._calls.feed(told)
            except (msgspec.MsgspecError, ValueError, LookupError, TypeError) as error:
                words = f"{type(error).__name__}: {error}"
                logs.bind_call(told.call_id).error("cdr.no_row", of=told.type, error=words)
                continue
            if made is None:
                continue
            if len(self._rows) >= _MOST_ROWS:
                self._lost += 1
            else:
                self._rows.append(row.encode(made) + b"\n")

    def _write(self) -> None:
        if not self._rows and not self._rest:
            return
        # The rest of a line belongs behind its begin, whatever day it is by now.
        if self._rest and self._rest_of is not None:
            self._append(self._rest_of)
        if self._rows:
            self._append(days.path(self._settings.directory, self._now().date()))
        if self._failing:
            self._failing = False
            logs.get().info("cdr.written_again")
        self._on_written()

    def _append(self, path: Path) -> None:
        """Until nothing waits; to another file only the rest of a line. Raises OSError."""
        with _opened(path) as file:
            if not self._rest and _cut_off(path):
                file.write(b"\n")  # a process was killed in the middle of a line
            only_rest = bool(self._rest) and path != days.path(
                self._settings.directory, self._now().date()
            )
            while self._rest or (self._rows and not only_rest):
                line = self._rest or self._rows.popleft()
                self._rest, self._rest_of = line, path
                self._rest = line[file.write(line) :]
            os.fsync(file.fileno())

    def _complain(self, why: str) -> None:
        self._failing = True
        if (kept_back := self._complaints.ask("disk", time.monotonic())) is not None:
            logs.get().error(
                "cdr.failed",
                directory=str(self._settings.directory),
                error=why,
                waiting=len(self._rows),
                lines_kept_back=kept_back,
                fix=FIX,
            )

    def _tell_lost(self) -> None:
        lost = self._lost
        if lost > self._lost_told and self._complaints.ask("lost", time.monotonic()) is not None:
            logs.get().error("cdr.lost", rows=lost - self._lost_told, fix=FIX)
            self._lost_told = lost

    def _give_up_rest(self) -> None:
        left = len(self._rows) + bool(self._rest) + self._lost - self._lost_told
        if left:
            logs.get().error("cdr.lost", rows=left, fix=FIX)

    def _tidy(self) -> None:
        with suppress(OSError):  # no permission; another edge may use the directory, too
            days.enforce(
                self._settings.directory,
                today=self.today,
                keep_days=self._settings.keep_days,
                max_total_bytes=self._settings.max_total_bytes,
                before=self._before_deleting,
            )

    @property
    def today(self) -> date:
        return self._now().date()


def _opened(path: Path) -> FileIO:
    """Unbuffered, and readable by its owner alone."""
    make_private(path)
    return path.open("ab", buffering=0)


def _cut_off(path: Path) -> bool:
    """Whether its last line has no end."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
