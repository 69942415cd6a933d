"""What the edge says of a call when its worker cannot: its last event, and its record's end.

A worker that has died has written its lines up to a quarter of a second before; what it knew of the
conversation besides is gone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from sipua.calls.facts import CallFacts
from sipua.calls.outcome import CallOutcome
from sipua.config import Config
from sipua.edge.wiring import record as wiring_record
from sipua.edge.wiring import recording as wiring_recording
from sipua.events.event import Event
from sipua.events.stream import EventStream
from sipua.record.files import Complaints, RecordFiles
from sipua.record.first_line import first_line

_TAIL_BYTES = 65_536


class _Line(msgspec.Struct):
    kind: str = ""


class LostCalls:
    """It also deletes old records and recordings, for the whole edge: it alone knows which ones
    grow."""

    def __init__(
        self, config: Config, events: EventStream, in_use: Callable[[], list[CallFacts]]
    ) -> None:
        """`in_use`: the calls that are up."""
        self._settings = wiring_record.record_settings(config)
        self._events = events
        self._in_use = in_use
        files = wiring_record.record_files(config)
        self._files = RecordFiles(files, Complaints(), in_use=self._paths) if files else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recordings = wiring_recording.keeper(config, self._tell_of_recording)
        self._twiml_recordings = wiring_recording.twiml_keeper(config)

    def start(self) -> None:
        if self._files is not None:
            self._files.start()
        if self._recordings is not None:
            self._loop = asyncio.get_running_loop()
            self._recordings.start()
        if self._twiml_recordings is not None:
            self._twiml_recordings.start()

    def stop(self) -> None:
        if self._files is not None:
            self._files.stop()
        if self._recordings is not None:
            self._recordings.stop()
        if self._twiml_recordings is not None:
            self._twiml_recordings.stop()

    def tell(self, facts: CallFacts, outcome: CallOutcome) -> None:
        last_event = outcome.event(facts, self._settings.numbers, {})
        self._events.teller(facts.call_id, facts.trace).tell(last_event)

    def write_end(self, facts: CallFacts, outcome: CallOutcome, lasted_s: float) -> None:
        """`lasted_s`: since the answer, or, without one, since its begin."""
        if self._files is None:
            return
        at_ms = round(lasted_s * 1000)
        last = {"kind": "end", "at_ms": at_ms, **outcome.facts(facts.talked_s)}
        file = self._files.begin(
            facts.call_id, facts.started_at.date(), partial(self._missing, facts, last)
        )
        file.end()

    def _tell_of_recording(self, call_id: str, event: Event) -> None:
        """Called on the thread of the recordings."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: the next edge finds it again
            self._loop.call_soon_threadsafe(self._events.teller(call_id).tell, event)

    def _missing(self, facts: CallFacts, last: Mapping[str, Any], path: Path) -> Iterator[bytes]:
        """The lines that its record lacks. Called on the thread of the files."""
        tail = _tail(path)
        if not _has_end(tail):
            for line in (*self._before(tail, facts), last):
                yield msgspec.json.encode(line) if line else b""

    def _before(self, tail: bytes, facts: CallFacts) -> list[Mapping[str, Any]]:
        """What must be written before the end: the first line, when the worker wrote none, or the
        end of a line that was cut off.
        """
        if tail:
            return [] if tail.endswith(b"\n") else [{}]
        about = {"call_id": facts.call_id, **wiring_record.record_facts(facts)}
        return [first_line(self._settings, about, facts.started_at)]

    def _paths(self) -> set[Path]:
        """Called on the thread of the files."""
        assert self._files is not None
        return {self._files.path(one.call_id, one.started_at.date()) for one in self._in_use()}


def _tail(path: Path) -> bytes:
    """Empty: the file is not there, or is empty."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def _has_end(tail: bytes) -> bool:
    """Whether the worker died after it had written the end, and before it told us."""
    if not tail.endswith(b"\n"):
        return False
    try:
        return msgspec.json.decode(tail[:-1].rpartition(b"\n")[2], type=_Line).kind == "end"
    except msgspec.MsgspecError:
        return False
