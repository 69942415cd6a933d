from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from sipua.cli.main import run
from sipua.recording.files.finishing import FinishError, finish
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.sealing import SealError, unseal
from sipua.recording.files.settings import Format, RecordingSettings
from sipua.recording.wav_file import StereoWav

pyrage = pytest.importorskip("pyrage")
soundfile = pytest.importorskip("soundfile")
TONE = (np.sin(np.arange(16_000) / 5) * 8000).astype(np.int16)


def recorded(folder: Path) -> Path:
    part = folder / "c-1.part.wav"
    file = StereoWav(part)
    file.write(TONE, -TONE)
    file.close()
    return part


@pytest.mark.parametrize(("kind", "ending"), [("flac", ".flac"), ("opus", ".opus")])
def test_it_is_converted_behind_the_call(tmp_path: Path, kind: Format, ending: str) -> None:
    part = recorded(tmp_path)
    done = finish(part, Metadata("c-1", began=""), RecordingSettings(tmp_path, format=kind))
    assert done.path == tmp_path / f"c-1{ending}"
    assert done.size < part_size(2)
    assert {path.name for path in tmp_path.iterdir()} == {"c-1.json", f"c-1{ending}"}
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    sound, rate = soundfile.read(done.path, dtype="int16")
    assert (rate, sound.shape[1]) == (8000, 2)
    if kind == "flac":
        assert np.array_equal(sound[:, 0], TONE)
        assert np.array_equal(sound[:, 1], -TONE)


def part_size(seconds: int) -> int:
    return seconds * 32_000


def test_it_is_sealed_and_opened_with_the_key_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"# created: now\n{key}\n")
    (tmp_path / "other").write_text(f"{other}\n")
    part = recorded(tmp_path)
    plain = part.read_bytes()
    settings = RecordingSettings(tmp_path, recipients=(str(key.to_public()),))
    done = finish(part, Metadata("c-1", began=""), settings)
    assert done.path.name == "c-1.wav.age"
    assert not part.exists()
    assert b"RIFF" not in done.path.read_bytes()
    opened = tmp_path / "opened.wav"
    with pytest.raises(SealError, match="cannot be opened with this key"):
        unseal(done.path, opened, tmp_path / "other")
    assert not opened.exists()
    assert run(["recording", "open", str(done.path), "--identity", str(tmp_path / "key")]) == 0
    opened = tmp_path / "c-1.wav"
    assert capsys.readouterr().out.strip() == str(opened)
    assert opened.read_bytes() == plain
    assert stat.S_IMODE(opened.stat().st_mode) == 0o600


def test_a_failure_keeps_the_part_file(tmp_path: Path) -> None:
    part = recorded(tmp_path)
    settings = RecordingSettings(tmp_path, recipients=("age1" + "q" * 58,))
    with pytest.raises(FinishError, match="Error"):
        finish(part, Metadata("c-1", began=""), settings)
    assert part.exists()
    assert not list(tmp_path.glob("*.age*"))


def test_no_file_is_an_error_with_its_cause(tmp_path: Path) -> None:
    about = Metadata("c-1", began="", failed="No space left on device")
    with pytest.raises(FinishError, match="No space left"):
        finish(tmp_path / "c-1.part.wav", about, RecordingSettings(tmp_path))
