"""The file of a recording: pauses, full disks, faults. The thread's part is called here."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.codecs.g711 import Law, encode
from sipua.codecs.pcm import Pcm
from sipua.recording import recording_file
from sipua.recording.recording_file import RecordingFile
from sipua.recording.wav_file import StereoWav
from sipua.rtp.events import Frame

BEGAN = 50.0
LOUD = encode(Law.PCMU, np.full(160, 8000, np.int16))


def speak(file: RecordingFile, start: float, until: float) -> None:
    """Both sides speak. Packets come at the end of their 20 ms, ours leave at their beginning."""
    for number in range(round(start * 50), round(until * 50)):
        at = BEGAN + number * 0.02
        file.heard([Frame(0, LOUD, at + 0.02)])
        header = struct.pack("!BBHII", 0x80, 0, number, number * 160, 1)
        file.tap(at, True, ("192.0.2.1", 4000), header + LOUD)
        file.tap(at, False, ("192.0.2.1", 4000), header + LOUD)


def channels(path: Path) -> tuple[Pcm, Pcm]:
    with wave.open(str(path)) as reader:
        both = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def loud_spans(pcm: Pcm) -> list[tuple[float, float]]:
    edges = np.diff(np.concatenate(([0], (np.abs(pcm) > 4000).astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(a / 8000, b / 8000) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def made(tmp_path: Path) -> tuple[RecordingFile, list[str]]:
    told: list[str] = []
    file = RecordingFile(tmp_path / "c-1.part.wav", BEGAN, {0: Law.PCMU}, complain=told.append)
    return file, told


def test_both_sides_stand_at_their_times(tmp_path: Path) -> None:
    file, told = made(tmp_path)
    speak(file, 1, 3)
    assert file.drain(BEGAN + 4)
    speak(file, 5, 6)
    file.end(BEGAN + 8)
    assert not file.drain(BEGAN + 8)
    assert file.closed.is_set()
    left, right = channels(file.path)
    assert loud_spans(left) == loud_spans(right) == [(1, 3), (5, 6)]
    assert len(left) == 8 * 8000
    assert file.seconds == 8
    assert told == []


def test_a_pause_is_silence_on_both_sides(tmp_path: Path) -> None:
    file, _ = made(tmp_path)
    speak(file, 0, 2)
    file.pause()
    speak(file, 2, 4)
    file.go_on()
    speak(file, 4, 5)
    file.end(BEGAN + 5)
    file.drain(BEGAN + 5)
    left, right = channels(file.path)
    assert loud_spans(left) == loud_spans(right) == [(0, 2), (4, 5)]


def test_nothing_that_comes_behind_the_end_is_kept(tmp_path: Path) -> None:
    file, _ = made(tmp_path)
    speak(file, 0, 1)
    file.end(BEGAN + 1)
    speak(file, 1, 2)
    file.drain(BEGAN + 2)
    assert len(channels(file.path)[0]) == 8000


def test_H4_a_full_disk_is_told_once_and_made_up_with_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told = made(tmp_path)
    speak(file, 0, 4)
    file.drain(BEGAN + 2)
    whole = StereoWav.write

    def full(self: StereoWav, left: Pcm, right: Pcm) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StereoWav, "write", full)
    file.drain(BEGAN + 3)
    file.drain(BEGAN + 4)
    assert told == ["No space left on device"]
    monkeypatch.setattr(StereoWav, "write", whole)
    speak(file, 4, 6)
    file.end(BEGAN + 6)
    file.drain(BEGAN + 6)
    left, right = channels(file.path)
    assert loud_spans(left) == loud_spans(right) == [(0, 0.5), (2.5, 6)]
    assert file.missed_s == 2.0
    assert file.failed == "No space left on device"


def test_a_disk_that_stays_full_ends_the_file_not_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told = made(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording_file, "StereoWav", full)
    speak(file, 0, 1)
    file.end(BEGAN + 1)
    assert file.drain(BEGAN + 1), "there may be room again"
    assert not file.drain(BEGAN + 4)
    assert len(told) == 1


def test_a_fault_costs_this_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, told = made(tmp_path)

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(StereoWav, "write", broken)
    speak(file, 0, 3)
    assert file.drain(BEGAN + 3)
    assert told == ["internal error: recording thread: RuntimeError"]
    speak(file, 3, 6)
    assert file.drain(BEGAN + 6)
    file.end(BEGAN + 6)
    assert not file.drain(BEGAN + 6)


def test_what_the_thread_is_too_late_for_is_counted(tmp_path: Path) -> None:
    file, _ = made(tmp_path)
    speak(file, 0, 40)
    assert file.dropped == 2 * (2000 - 1500)
