"""What carries rows from the files to a database, on a thread of its own.

It lags, fails, waits and catches up; calls and files never notice. A row may be stored twice, which
a database of ours takes as once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from sipua.bridge.backoff import BackOff
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.log import logs
from sipua.outputs.cdr.backlog import Backlog, Batch
from sipua.outputs.cdr.row import Row

_LOOK_EVERY_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_STOP_S: Final = 2.0
_HOUSEKEEPING_S: Final = 3600.0


class StoreError(Exception):
    """The database cannot take anything now; it is tried again."""


class Store(Protocol):
    name: str
    fix: str
    """What to do when it fails, for people."""

    def open(self) -> bool:
        """Connect, and bring the tables up to date, where that is not done. True: they are new,
        and empty. Raises StoreError."""

    def write(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        """All in one transaction; those that the database will never take come back: their id, and
        why. Raises StoreError: none was written."""

    def tidy(self) -> None:
        """Delete what is too old. Raises StoreError."""

    def close(self) -> None:
        """Also after a StoreError; `open` may follow. Never raises."""


class Sink:
    """`wake` and `unread` may be called by any thread."""

    def __init__(self, store: Store, backlog: Backlog) -> None:
        self._store = store
        self._backlog = backlog
        self._wake = threading.Event()
        self._stopping = False
        self._down_since: float | None = None
        self._behind_since: float | None = None
        self.behind_bytes = 0
        """On disk and not in the database, when it was last looked at."""
        self._tidied_at = -_HOUSEKEEPING_S
        self._faults = FaultOwner("cdr.sink_failed", logs.get(), nothing)
        # A daemon: a database that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"cdr {store.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What it has not stored then, the next run of the edge will."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    @property
    def name(self) -> str:
        return self._store.name

    def lag_s(self, now: float) -> float:
        """For how long the database has not had all rows; 0: it has them."""
        since = self._behind_since
        return 0.0 if since is None else max(0.0, now - since)

    def wake(self) -> None:
        """There may be new rows."""
        self._wake.set()

    def tell_unread(self, path: Path) -> None:
        """This file is about to be deleted. Raises OSError."""
        if rows := self._backlog.unread(path):
            logs.get().error(
                "cdr.never_stored",
                sink=self._store.name,
                day=path.stem,
                rows=rows,
                fix=f"deleted for age or size, before they were stored: {self._store.fix}",
            )

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        back_off = BackOff(_FIRST_WAIT_S, _LONGEST_WAIT_S, random.random)
        self._backlog.load()
        while True:
            last = self._stopping  # one more pass: the journal has written its last rows
            good = self._pass()
            if last:
                break
            if good:
                back_off.reset()
                self._wake.wait(_LOOK_EVERY_S)
            else:
                self._sleep(back_off.next_s())
            self._wake.clear()
        self._store.close()

    def _sleep(self, wait_s: float) -> None:
        """New rows do not cut it short, the end does."""
        until = time.monotonic() + wait_s
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._wake.wait(left)
            if not self._stopping:
                self._wake.clear()
                time.sleep(min(0.1, max(0.0, until - time.monotonic())))

    def _pass(self) -> bool:
        """False: it failed, and is to be tried again later."""
        try:
            self._look()
            if self.behind_bytes:
                self._catch_up()
                self._look()
            self._tidy()
        except (StoreError, OSError) as error:
            self._store.close()
            self._tell_down(str(error) or type(error).__name__)
            return False
        except Exception as error:  # noqa: BLE001 (a bug of ours: told once, and tried again)
            self._store.close()
            self._faults.failed(self._store.name, error)
            self._tell_down(type(error).__name__)
            return False
        self._tell_up()
        return True

    def _look(self) -> None:
        self.behind_bytes = self._backlog.behind()
        if not self.behind_bytes:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = time.monotonic()

    def _catch_up(self) -> None:
        if self._store.open():
            self._backlog.from_the_beginning()
        for batch in self._backlog.batches():
            refused = self._store.write(batch.rows)
            self._backlog.done(batch)
            self._tell_refused(batch, refused)
            if self._stopping and self._down_since is not None:
                return

    def _tidy(self) -> None:
        now = time.monotonic()
        if now >= self._tidied_at + _HOUSEKEEPING_S:
            self._tidied_at = now
            self._store.tidy()

    def _tell_refused(self, batch: Batch, refused: list[tuple[str, str]]) -> None:
        for call_id, why in refused[:3]:
            logs.bind_call(call_id).error("cdr.refused", sink=self._store.name, error=why)
        count = len(refused) + batch.unreadable
        if count:
            logs.get().error(
                "cdr.never_stored",
                sink=self._store.name,
                day=batch.day,
                rows=count,
                fix=f"{batch.day}.jsonl in `cdr.directory` has these lines, which are no rows or "
                "which the database does not take",
            )

    def _tell_down(self, why: str) -> None:
        if self._down_since is None:
            self._down_since = time.monotonic()
            logs.get().error("cdr.sink_down", sink=self._store.name, error=why, fix=self._store.fix)

    def _tell_up(self) -> None:
        if self._down_since is not None:
            down_s = round(time.monotonic() - self._down_since, 1)
            self._down_since = None
            logs.get().info("cdr.sink_back", sink=self._store.name, down_s=down_s)
