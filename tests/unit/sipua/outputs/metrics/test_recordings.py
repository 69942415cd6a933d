"""Recordings are counted by what came of them, each once."""

import msgspec

from sipua.config import Config
from sipua.events.event import Event
from sipua.events.recording_events import (
    RecordingFailed,
    RecordingSaved,
    RecordingUploaded,
    RecordingUploadFailed,
)
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series


def counted(*happened: Event) -> dict[str, float]:
    series = Series(names(Config()))
    events = EventStream("n")
    events.subscribe(Counting(series, names(Config())).read)
    for event in happened:
        events.put(Told(event.type, 1.0, "c-1", msgspec.json.encode(event.fields())))
    lines = render(series.families(), PLAIN).decode().splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("sipua_recording"))
    return {name: float(value) for name, _, value in found}


def recordings(result: str) -> str:
    return f'sipua_recordings_total{{result="{result}"}}'


def uploads(result: str) -> str:
    return f'sipua_recording_uploads_total{{result="{result}"}}'


def saved(**more: float) -> Event:
    return RecordingSaved(path="p", bytes=1, sha256="", seconds=1.0, basis="none", **more)


def test_a_file_with_a_gap_is_neither_saved_nor_failed() -> None:
    full = RecordingFailed(path="p", error="No space left on device", over=False)
    found = counted(full, saved(missed_s=2.5), saved())
    assert (found[recordings("gap")], found[recordings("saved")]) == (1, 1)
    assert found[recordings("failed")] == 0


def test_what_is_lost_is_failed_and_uploads_are_counted() -> None:
    sent = RecordingUploaded(
        path="p", to="s3://b/k", bytes=1, sha256="", verified="etag", attempts=1, took_ms=1
    )
    late = RecordingUploadFailed(path="p", error="e", attempts=1, given_up=True, fix="f")
    found = counted(RecordingFailed(path="p", error="e"), sent, late)
    assert (found[uploads("ok")], found[uploads("given_up")], found[uploads("failed")]) == (1, 1, 0)
    assert found[recordings("failed")] == 1
