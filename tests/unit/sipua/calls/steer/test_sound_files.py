from __future__ import annotations

import os
from pathlib import Path

import pytest

from sipua.bridge.playout import sounds
from sipua.bridge.playout.sound_files import SoundError
from sipua.calls.steer import sound_files
from sipua.calls.steer.sound_files import SoundFiles
from support.media import audio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    (folder / "de").mkdir(parents=True)
    wav = Path(__file__).parents[4] / "data" / "speech-short.wav"
    (folder / "hello.wav").write_bytes(wav.read_bytes())
    (folder / "de" / "hello.wav").write_bytes(wav.read_bytes())
    (tmp_path / "secret.wav").write_bytes(wav.read_bytes())
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "text.wav").write_text("root:x:0:0")
    os.mkfifo(folder / "pipe.wav")
    return folder


@pytest.mark.parametrize("name", ["hello.wav", "de/hello.wav"])
async def test_a_file_of_the_folder(folder: Path, name: str) -> None:
    pcm = await SoundFiles(str(folder)).load(name)
    assert len(pcm) == len(audio.speech("short"))


async def test_one_of_ours_needs_no_folder() -> None:
    assert await SoundFiles("").load("sorry") is sounds.prompt("sorry")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        "link.wav",
        "/etc/passwd",
        "de",
        "nothing.wav",
        "pipe.wav",
        "text.wav",
        "a\x00b",
        "x" * 255,
        ".",
    ],
)
async def test_nothing_else_is_read_and_no_path_is_told(folder: Path, name: str) -> None:
    with pytest.raises(SoundError) as told:
        await SoundFiles(str(folder)).load(name)
    assert str(folder) not in str(told.value)
    assert "root" not in str(told.value)


async def test_without_a_folder_there_are_no_files() -> None:
    with pytest.raises(SoundError, match=r"calls\.sounds"):
        await SoundFiles("").load("/etc/passwd")


async def test_a_file_that_is_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_files, "MOST_BYTES", 1000)
    with pytest.raises(SoundError, match="more than"):
        await SoundFiles(str(folder)).load("hello.wav")
