"""Where a recording is: here, still growing, or in S3 alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.cli.main import run
from sipua.recording.files import finding, metadata
from sipua.recording.files.metadata import Metadata, Upload

DAY = "2026-11-29"
THERE = Upload(f"s3://calls/{DAY}/c-1.wav", at="then", verified="etag")


def recorded(folder: Path, call_id: str, *endings: str, upload: Upload | None = None) -> None:
    about = Metadata(call_id, began="", file=f"{call_id}.wav", seconds=2.0, upload=upload)
    metadata.write(folder / DAY / f"{call_id}.json", about)
    for ending in endings:
        (folder / DAY / f"{call_id}{ending}").write_bytes(b"sound")


def test_what_is_in_s3_alone_is_found_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path, "c-1", upload=THERE)
    recorded(tmp_path, "c-2", ".wav", upload=THERE)
    recorded(tmp_path, "c-3", ".part.wav")
    recorded(tmp_path, "c-4")
    found = {one: finding.find(tmp_path, one) for one in ("c-1", "c-2", "c-3", "c-4")}
    assert found["c-4"] is None, "its sound is nowhere"
    there = {"c-1": (THERE.to, False), "c-2": ("", False), "c-3": ("", True)}
    for call_id, place in there.items():
        one = found[call_id]
        assert one is not None
        assert (one.only_in, one.growing) == place
    assert run(["recording", "ls", "--directory", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{THERE.to}  2.0 s  none"
    assert lines[1].startswith(f"{tmp_path / DAY / 'c-2.wav'}  2.0 s")
    assert lines[2].startswith(f"{tmp_path / DAY / 'c-3.part.wav'}  being written")
