"""The thread that writes the recordings of all calls of a process. It lives as long as there are
any."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Final

from sipua.recording.files import metadata
from sipua.recording.files.finishing import metadata_of
from sipua.recording.files.metadata import Metadata
from sipua.recording.recording_file import RecordingFile

_DRAIN_EVERY_S: Final = 1.0


class RecordingThread:
    """Any thread may call `begin`."""

    def __init__(self) -> None:
        self._files: list[RecordingFile] = []
        self._fresh: list[tuple[RecordingFile, Metadata]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def begin(self, file: RecordingFile, about: Metadata) -> None:
        """`about`: written beside it at once, so that a file whose end is never seen has it."""
        with self._lock:
            self._files.append(file)
            self._fresh.append((file, about))
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
            for file, about in fresh:
                with suppress(OSError):  # the file itself will say so
                    metadata.write(metadata_of(file.path), about)
            over = [file for file in files if not file.drain(time.monotonic())]
            with self._lock:
                self._files = [file for file in self._files if file not in over]
                if not self._files:
                    self._thread = None
                    return
