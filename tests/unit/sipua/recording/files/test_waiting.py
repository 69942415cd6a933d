"""The marks of recordings that wait to be sent."""

from __future__ import annotations

from pathlib import Path

from sipua.recording.files import waiting
from sipua.recording.files.finishing import finish
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import RecordingSettings

DAY = "2026-11-29"


def part(folder: Path, name: str) -> Path:
    path = folder / DAY / f"{name}.part.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"sound")
    return path


def test_a_finished_recording_waits_where_it_is_wanted(tmp_path: Path) -> None:
    for upload, expected in ((False, []), (True, ["c-1", "c-1.2"])):
        settings = RecordingSettings(tmp_path, upload=upload)
        for name in ("c-1", "c-1.2"):
            finish(part(tmp_path, name), Metadata("c-1", began=""), settings)
        assert [one.stem for one in waiting.every(tmp_path)] == expected
    (first, _) = waiting.every(tmp_path)
    assert (first.call_id, first.metadata) == ("c-1", tmp_path / DAY / "c-1.json")
    assert not first.growing
    part(tmp_path, "c-1")
    assert first.growing, "as one whose process was killed before it was renamed"


def test_one_is_held_by_one(tmp_path: Path) -> None:
    waiting.add(tmp_path, part(tmp_path, "c-1"))
    (one,) = waiting.every(tmp_path)
    with one.held() as mine:
        assert mine
        with one.held() as other:
            assert not other
        one.over()
    with one.held() as again:
        assert not again


def test_other_files_are_none(tmp_path: Path) -> None:
    assert waiting.every(tmp_path) == []
    folder = tmp_path / waiting.FOLDER
    folder.mkdir()
    for name in ("x", f"{DAY}.c-1.json", f"{DAY}.c-../../etc", f"{DAY}.c-1.2.3"):
        (folder / name.replace("/", "_")).touch()
    assert waiting.every(tmp_path) == []
