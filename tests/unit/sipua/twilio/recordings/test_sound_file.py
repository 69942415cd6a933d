"""The file of one recording: complete, or not there at all. The thread's part is called here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sipua.recording.wav_file import MonoWav
from sipua.twilio.recordings import sound_file, store
from sipua.twilio.recordings.sound_file import TOO_SLOW, SoundFile
from sipua.twilio.recordings.store import About
from support.media import audio

SECOND = audio.speech("caller")[:8000]


class Made:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.about = About(store.new_sid(), "c-1", datetime(2026, 11, 30, tzinfo=UTC))
        self.part = store.part_of(directory, self.about)
        self.over = 0
        self.file = SoundFile(self.part, self.about, self._on_over)

    def _on_over(self) -> None:
        self.over += 1

    def drain(self) -> bool:
        return self.file.drain(0.0)

    def nothing_left(self) -> bool:
        return not [path for path in self.directory.rglob("*") if path.is_file()]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_it_grows_and_is_put_in_its_place(made: Made) -> None:
    assert made.file.add(SECOND)
    assert made.drain()
    assert np.array_equal(audio.read_wav(made.part, rate_hz=8000), SECOND)
    assert made.file.add(SECOND)
    made.file.end(12_000)
    assert (made.over, made.drain(), made.over) == (0, False, 1)
    found = store.find(made.directory, made.about.sid)
    assert found is not None
    assert found.about.seconds == 1.5
    assert np.array_equal(
        audio.read_wav(found.path, rate_hz=8000), np.concatenate([SECOND, SECOND])[:12_000]
    )
    assert not made.part.exists()
    assert made.file.failed == ""


@pytest.mark.parametrize("written", [True, False])
def test_one_without_sound_leaves_nothing(made: Made, written: bool) -> None:
    made.file.add(SECOND)
    if written:
        made.drain()
    made.file.end(0)
    assert (made.drain(), made.over, made.file.failed) == (False, 1, "")
    assert made.nothing_left()


def test_nothing_comes_and_nothing_is_made(made: Made) -> None:
    assert made.drain()
    made.file.end(0)
    assert not made.drain()
    assert made.nothing_left()


def test_H4_a_full_disk_leaves_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.file.add(SECOND)
    assert made.drain()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MonoWav, "_write", full)
    made.file.add(SECOND)
    assert (made.drain(), made.over) == (False, 1)
    assert made.file.failed == "No space left on device"
    assert made.nothing_left()
    assert not made.file.add(SECOND)


@pytest.mark.parametrize("what", ["cut", "close"])
def test_H4_a_disk_that_is_full_at_the_end(
    made: Made, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    usual = getattr(MonoWav, what)

    def full(*arguments: object) -> None:
        usual(*arguments)
        raise OSError(28, "No space left on device")

    made.file.add(SECOND)
    made.file.end(8000)
    monkeypatch.setattr(MonoWav, what, full)
    assert not made.drain()
    assert made.file.failed == "No space left on device"
    assert made.nothing_left()


def test_H4_a_disk_without_room_for_the_description(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    made.file.add(SECOND)
    made.file.end(8000)
    monkeypatch.setattr(store.os, "fdopen", full)
    assert not made.drain()
    assert made.file.failed == "No space left on device"
    assert made.nothing_left()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    made = Made(tmp_path / "file")
    made.file.add(SECOND)
    assert (made.drain(), made.over) == (False, 1)
    assert made.file.failed


def test_H4_a_disk_that_is_too_slow(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "_MOST_WAITING", 2)
    made.file.add(SECOND)
    made.drain()
    assert made.file.add(SECOND)
    assert made.file.add(SECOND)
    assert not made.file.add(SECOND)
    assert not made.file.add(SECOND), "a recording with a hole is none"
    assert (made.drain(), made.over, made.file.failed) == (False, 1, TOO_SLOW)
    assert made.nothing_left()


def test_one_that_is_given_up_while_its_end_is_written(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.file.add(SECOND)
    made.file.end(8000)
    cut = MonoWav.cut

    def slow(wav: MonoWav, frames: int) -> None:
        made.file.end(0)  # the call waits no longer
        cut(wav, frames)

    monkeypatch.setattr(MonoWav, "cut", slow)
    assert not made.drain()
    assert made.nothing_left()


def test_a_fault_of_ours_ends_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.file.add(SECOND)
    made.drain()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MonoWav, "write", broken)
    made.file.add(SECOND)
    assert (made.drain(), made.over) == (False, 1)
    assert "ZeroDivisionError" in made.file.failed
    assert made.nothing_left()
