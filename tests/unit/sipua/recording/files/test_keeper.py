from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path

import numpy as np

from sipua.events.event import Event
from sipua.events.recording_events import RecordingSaved
from sipua.recording.files import finding, metadata
from sipua.recording.files.keeper import RecordingKeeper, enforce, left_behind
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import RecordingSettings
from sipua.recording.wav_file import StereoWav

DAY = "2026-11-28"
SECOND = np.zeros(8000, np.int16)


def recorded(directory: Path, name: str, day: str = DAY) -> StereoWav:
    file = StereoWav(directory / day / f"{name}.part.wav")
    file.write(SECOND, SECOND)
    metadata.write(directory / day / f"{name}.json", Metadata(name.partition(".")[0], began="then"))
    return file


def make_old(path: Path, by_s: float = 100.0) -> None:
    os.utime(path, (time.time() - by_s,) * 2)


def test_a_recording_whose_process_was_killed_is_finished(tmp_path: Path) -> None:
    told: list[tuple[str, Event]] = []
    file = recorded(tmp_path, "c-1")
    part = tmp_path / DAY / "c-1.part.wav"
    make_old(part)
    assert list(left_behind(tmp_path, time.time())) == [], "its writer lives"
    file._file.close()  # as the kernel does for a process that it ends
    keeper = RecordingKeeper(
        RecordingSettings(tmp_path),
        keep_days=0,
        most_bytes=10**9,
        tell=lambda call_id, event: told.append((call_id, event)),
    )
    keeper._finish_left()
    [(call_id, event)] = told
    assert call_id == "c-1"
    assert isinstance(event, RecordingSaved)
    assert event.seconds == 1.0
    assert event.path == str(tmp_path / DAY / "c-1.wav")
    assert not part.exists()
    about = metadata.read(tmp_path / DAY / "c-1.json")
    assert about is not None
    assert about.sha256 == event.sha256
    assert "killed" in about.failed


def test_one_that_has_just_ended_is_left_to_its_call(tmp_path: Path) -> None:
    recorded(tmp_path, "c-1").close()
    assert list(left_behind(tmp_path, time.time())) == []


def test_old_ones_go_with_their_metadata_and_nothing_else_does(tmp_path: Path) -> None:
    for name, day in (("c-1", "2026-10-01"), ("c-2", "2026-11-27"), ("c-2.2", "2026-11-27")):
        recorded(tmp_path, name, day).close()
        part = tmp_path / day / f"{name}.part.wav"
        part.rename(part.with_name(f"{name}.wav"))
    growing = recorded(tmp_path, "c-3", "2026-10-01")
    (tmp_path / "2026-10-01" / "notes.txt").write_text("mine")
    today = date(2026, 11, 29)
    assert enforce(tmp_path, today=today, keep_days=30, most_bytes=10**9) == 1
    left = sorted(path.name for path in (tmp_path / "2026-10-01").iterdir())
    assert left == ["c-3.json", "c-3.part.wav", "notes.txt"]
    make_old(tmp_path / "2026-11-27" / "c-2.wav")
    make_old(tmp_path / "2026-11-27" / "c-2.json")
    assert enforce(tmp_path, today=today, keep_days=30, most_bytes=40_000) == 1
    assert finding.find(tmp_path, "c-2") is None
    second = finding.find(tmp_path, "c-2", 2)
    assert second is not None
    assert not second.growing
    growing.close()
