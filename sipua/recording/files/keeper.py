"""Old recordings are deleted, and those of a process that has died are finished. One thread for the
whole edge.

A part file is locked as long as its writer lives, so an unlocked one has none. It is left alone for
half a minute, because between its end and its finishing no process holds it.
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from sipua.bridge.fault_owner import FaultOwner
from sipua.events.event import Event
from sipua.events.recording_events import RecordingFailed
from sipua.process.disk import age_and_size, entries, is_empty, size_of
from sipua.record.retention import days
from sipua.recording.files import finishing, metadata
from sipua.recording.files.length import seconds_of
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import PART, RecordingSettings

_EVERY_S: Final = 30.0
_TIDY_EVERY_S: Final = 300.0
_ALONE_S: Final = 30.0
_TRIES: Final = 3
_ENDINGS: Final = (".wav", ".flac", ".opus", ".age", ".json")

Tell = Callable[[str, Event], None]
"""The call id and the event, on the thread."""


class RecordingKeeper:
    def __init__(
        self, settings: RecordingSettings, *, keep_days: int, most_bytes: int, tell: Tell
    ) -> None:
        self._settings = settings
        self._keep_days = keep_days
        self._most_bytes = most_bytes
        self._tell = tell
        self._failed: dict[Path, int] = {}
        self._tidied_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            faults = FaultOwner().harmless("recording.fault")
            faults.run("finishing", self._finish_left)
            if (now := time.monotonic()) >= self._tidied_at + _TIDY_EVERY_S:
                self._tidied_at = now
                faults.run("tidying", self._tidy)
            self._stopping.wait(_EVERY_S)

    def _finish_left(self) -> None:
        for part in list(left_behind(self._settings.directory, time.time())):
            tries = self._failed.get(part, 0)
            if tries >= _TRIES or self._stopping.is_set():
                continue
            call_id = finishing.stem(part).partition(".")[0]
            about = metadata.read(finishing.metadata_of(part)) or Metadata(call_id, began="")
            about.failed = about.failed or "the process that wrote it was killed"
            try:
                about.seconds = seconds_of(part)
                done = finishing.finish(part, about, self._settings)
            except (OSError, finishing.FinishError) as error:
                self._failed[part] = tries + 1
                over = tries + 1 >= _TRIES
                self._tell(call_id, RecordingFailed(path=str(part), error=str(error), over=over))
                continue
            sealed = bool(self._settings.recipients)
            self._tell(call_id, finishing.saved(done, about, sealed=sealed))

    def _tidy(self) -> None:
        with suppress(OSError):  # another process cleans up too, or we have no permission
            enforce(
                self._settings.directory,
                today=datetime.now(UTC).date(),
                keep_days=self._keep_days,
                most_bytes=self._most_bytes,
            )


def left_behind(directory: Path, now: float, ending: str = PART) -> Iterator[Path]:
    """The part files whose writer is gone. `now`: Unix time."""
    with suppress(OSError):
        for day in days(directory):
            for part in [Path(entry.path) for entry in entries(day, ending)]:
                if now - age_and_size(part)[0] > _ALONE_S and not _locked(part):
                    yield part


def _locked(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def enforce(directory: Path, *, today: date, keep_days: int, most_bytes: int) -> int:
    """Delete recordings that are too old, then the oldest beyond the size; returns their number.
    Each goes with its metadata. What is still written is left alone, as are other files. In memory
    are the names of one day at most."""
    first = (today - timedelta(days=keep_days)).isoformat() if keep_days else ""
    deleted = total = 0
    for day in days(directory):
        if day.name < first:
            for files in _whole(day):
                _delete(files)
                deleted += 1
        else:
            sizes = (size_of(entry) for entry in entries(day, _ENDINGS) if _is_whole(entry.name))
            total += sum(sizes)
    for day in days(directory):
        if total <= most_bytes:
            break
        for _, size, files in sorted(map(_aged, _whole(day)), key=lambda one: one[0]):
            if total <= most_bytes:
                break
            _delete(files)
            total -= size
            deleted += 1
    for day in days(directory):
        if day.name != today.isoformat() and is_empty(day):
            day.rmdir()
    return deleted


def _whole(day: Path) -> Iterator[list[Path]]:
    """The recordings of a day that are not being written."""
    for files in of_day(day).values():
        if not any(file.name.endswith(PART) for file in files):
            yield files


def _is_whole(name: str) -> bool:
    return name.startswith("c-") and not name.endswith(PART)


def _aged(files: list[Path]) -> tuple[float, int, list[Path]]:
    told = [age_and_size(file) for file in files]
    return max(at for at, _ in told), sum(size for _, size in told), files


def of_day(day: Path) -> dict[str, list[Path]]:
    """The files of each recording, by its name without endings: `c-2hp5vgaq`, `c-2hp5vgaq.2`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(day.iterdir()):
        if path.name.startswith("c-") and path.name.endswith(_ENDINGS):
            first, *rest = path.name.split(".")
            name = f"{first}.{rest[0]}" if rest[0].isdigit() else first
            found.setdefault(name, []).append(path)
    return found


def _delete(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
