"""Old recordings are deleted. One thread for the whole edge."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sipua.bridge.fault_owner import FaultOwner
from sipua.twilio.recordings import store

_EVERY_S: Final = 300.0


class TwimlRecordingKeeper:
    def __init__(self, directory: Path, keep_days: int) -> None:
        self._directory = directory
        self._keep_days = keep_days
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="twiml recordings", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            FaultOwner().harmless("recording.fault").run("tidying", self._tidy)
            self._stopping.wait(_EVERY_S)

    def _tidy(self) -> None:
        with suppress(OSError):  # another process cleans up too, or we have no permission
            store.tidy(
                self._directory,
                today=datetime.now(UTC).date(),
                keep_days=self._keep_days,
                now=time.time(),
            )
