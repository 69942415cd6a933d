"""The thread that writes the recordings of all calls of a process. It lives as long as there are
any."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

_DRAIN_EVERY_S: Final = 1.0


def _nothing() -> None:
    """There is nothing to do first."""


class Drained(Protocol):
    """A file: the loop gives it sound."""

    def drain(self, now: float) -> bool:
        """Write what is due; False when this was the last time. Never raises."""


class RecordingThread:
    """Any thread may call `begin`."""

    def __init__(self) -> None:
        self._files: list[Drained] = []
        self._fresh: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def begin(self, file: Drained, first: Callable[[], None] = _nothing) -> None:
        """`first`: called on the thread, before anything is written. It must not raise."""
        with self._lock:
            self._files.append(file)
            self._fresh.append(first)
            if self._thread is None:
                # A daemon: a disk that never answers must not keep the process from ending.
                self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
                self._thread.start()

    def hurry(self) -> None:
        """A recording has ended, and its call waits for the file."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(_DRAIN_EVERY_S)
            self._wake.clear()
            with self._lock:
                files, fresh = list(self._files), self._fresh
                self._fresh = []
            for first in fresh:
                first()
            over = [file for file in files if not file.drain(time.monotonic())]
            with self._lock:
                self._files = [file for file in self._files if file not in over]
                if not self._files:
                    self._thread = None
                    return
