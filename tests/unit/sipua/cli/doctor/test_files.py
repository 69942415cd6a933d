"""Whether call records can be written, as doctor sees it."""

from __future__ import annotations

from pathlib import Path

from sipua.cli.doctor import files as doctor_files
from sipua.config import Config
from sipua.doctor.findings import Level


def levels(**section: object) -> list[Level]:
    config = Config.model_validate({"cdr": section})
    return [finding.level for finding in doctor_files.examine(config)]


def test_a_directory_that_can_be_made_is_good_and_is_not_made(tmp_path: Path) -> None:
    assert levels(directory=str(tmp_path / "a" / "b")) == [Level.OK]
    assert not (tmp_path / "a").exists()


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "cdr").write_text("")
    assert levels(directory=str(tmp_path / "cdr")) == [Level.WARN]
    assert levels(directory=str(tmp_path / "cdr"), enabled=False) == []
