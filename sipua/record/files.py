"""Record files, one for each call, written by a thread beside the loop.

    loop:    a line ──▶ a deque of the call (nothing else happens there)
    thread:  every 250 ms all deques ──▶ files, each line whole and handed to the kernel

A killed process loses a quarter of a second of lines. A full disk stops nothing: lines wait for
room, up to a bound; the rest is dropped and counted, and the log reports it once. When there is
room again the file goes on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from io import FileIO
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.process.disk import make_private
from sipua.record import retention
from sipua.record.settings import FileSettings

_DRAIN_EVERY_S = 0.25
_CLOSE_WITHIN_S = 2.0
# A conversation of an hour has a few thousand lines.
_MAX_WAITING = 4096
_HOUSEKEEPING_S = 3600.0

Complain = Callable[[Path, str], None]
FirstLines = Callable[[Path], Iterable[bytes]]


class RecordFile:
    """The file of one call. The loop calls `add` and `close`, the thread `drain`."""

    def __init__(
        self,
        path: Path,
        complain: Complain = lambda path, why: None,
        log: FilteringBoundLogger | None = None,
        first: FirstLines | None = None,
    ) -> None:
        """`first(path)`: the first lines; called on the thread, for it may read the file."""
        self._faults = FaultOwner("record.failed", log or logs.get(), self._give_up)
        self.path = path
        self._complain = complain
        self._first = first
        self._waiting: deque[bytes] = deque()
        self._rest = b""  # of a line whose end found no room
        self._closing_at: float | None = None
        self.closed = threading.Event()
        self._written = 0
        self._dropped = 0
        self._failed = ""

    def add(self, line: bytes) -> None:
        """Add a line, without its newline."""
        over = self._closing_at is not None or self._faults.cause
        if over or len(self._waiting) >= _MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(line + b"\n")

    def end(self) -> None:
        """No more lines come; the thread writes the rest."""
        self._closing_at = time.monotonic()

    async def close(self) -> None:
        """Wait until the rest is written, or until the disk has taken too long."""
        self.end()
        await asyncio.to_thread(self.closed.wait, _CLOSE_WITHIN_S + 2 * _DRAIN_EVERY_S)

    def stats(self) -> dict[str, object]:
        figures: dict[str, object] = {
            "file": str(self.path),
            "lines": self._written,
            "dropped": self._dropped,
        }
        return figures | ({"failed": self._failed} if self._failed else {})

    def drain(self, now: float) -> bool:
        """Write what waits; False when this was the last time. Never raises: the same thread writes
        the files of other calls.
        """
        closing_at = self._closing_at  # read before the deque, which then holds all earlier lines
        self._faults.run("record thread", self._write)
        if closing_at is None or (self._left and now < closing_at + _CLOSE_WITHIN_S):
            return True
        self._dropped += self._left
        self._waiting.clear()
        self.closed.set()
        return False

    @property
    def _left(self) -> int:
        return len(self._waiting) + bool(self._rest)

    def _give_up(self, cause: str) -> None:
        self._failed = cause
        self._dropped += self._left
        self._waiting.clear()
        self._rest = b""

    def _write(self) -> None:
        try:
            self._write_waiting()
        except OSError as error:
            why = error.strerror or type(error).__name__
            if not self._failed:
                self._complain(self.path, why)
            self._failed = why

    def _write_waiting(self) -> None:
        if self._first is not None:
            first, self._first = self._first, None
            self._waiting.extendleft(reversed([line + b"\n" for line in first(self.path)]))
        if not self._left:
            return
        with _opened(self.path) as file:
            while self._left:
                line = self._rest or self._waiting.popleft()
                self._rest = line
                self._rest = line[file.write(line) :]
                self._written += not self._rest


def _opened(path: Path) -> FileIO:
    """The file, unbuffered: written lines are in the kernel. Readable by the owner alone."""
    make_private(path)
    return path.open("ab", buffering=0)


class RecordFiles:
    """The files of this process, and the retention of all. The loop calls all but `_run`."""

    def __init__(
        self,
        settings: FileSettings,
        complain: Complain,
        *,
        in_use: Callable[[], set[Path]] | None = None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """`in_use`: the files of the calls of all processes, asked on the thread, before old ones
        are deleted; None: another process deletes them.
        """
        self._settings = settings
        self._complain = complain
        self._in_use = in_use
        self._today = today
        self._faults = FaultOwner("record.failed", logs.get())
        self._lock = threading.Lock()
        self._open: list[RecordFile] = []
        self._tidied_at = -_HOUSEKEEPING_S
        self._stopping = threading.Event()
        # A daemon: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once it has written what waits, or the disk takes too long for that."""
        self._stopping.set()
        if self._open and self._thread.is_alive():
            self._thread.join(_CLOSE_WITHIN_S)

    def path(self, call_id: str, day: date) -> Path:
        return self._settings.directory / day.isoformat() / f"{call_id}.jsonl"

    def begin(self, call_id: str, day: date, first: FirstLines | None = None) -> RecordFile:
        path, log = self.path(call_id, day), logs.bind_call(call_id)
        file = RecordFile(path, self._complain, log, first)
        with self._lock:
            self._open.append(file)
        return file

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopping.wait(_DRAIN_EVERY_S)
            now = time.monotonic()
            with self._lock:
                files = list(self._open)
            over = [file for file in files if not file.drain(now)]
            if over:
                with self._lock:
                    self._open = [file for file in self._open if file not in over]
            if self._in_use is not None and now >= self._tidied_at + _HOUSEKEEPING_S:
                self._tidied_at = now
                own = {file.path for file in files}
                self._faults.harmless("record.failed").run("tidying", self._tidy, self._in_use, own)

    def _tidy(self, in_use: Callable[[], set[Path]], own: set[Path]) -> None:
        settings = self._settings
        with suppress(OSError):  # another process cleans up too, or we have no permission
            retention.enforce(
                settings.directory,
                today=self._today(),
                keep_days=settings.keep_days,
                max_total_bytes=settings.max_total_bytes,
                in_use=in_use() | own,
            )


class Complaints:
    """The log lines of files that cannot be written. Called on the writer's thread."""

    def __init__(self) -> None:
        self._throttle = Throttle(60.0)

    def __call__(self, path: Path, why: str) -> None:
        kept_back = self._throttle.ask("failed", time.monotonic())
        if kept_back is not None:
            logs.get().error(
                "record.failed",
                file=str(path),
                error=why,
                lines_kept_back=kept_back,
                fix="records of calls are incomplete, the calls go on: check the disk of "
                "`record.directory`",
            )
