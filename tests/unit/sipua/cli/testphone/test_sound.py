"""WAV files of `sipua call`: what is played, and that every bad one is told in words."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.cli.testphone import sound as dial_sound
from sipua.cli.testphone.sound import SoundError
from support.media import audio


def write(path: Path, data: bytes, *, bits: int = 16, channels: int = 1, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def test_any_rate_becomes_the_engines(tmp_path: Path) -> None:
    said = audio.speech("short")
    audio.write_wav(tmp_path / "8.wav", said, rate_hz=8000)
    pcm = np.frombuffer(dial_sound.load(tmp_path / "8.wav"), "<i2")
    assert len(pcm) == 3 * len(said)
    assert audio.find(said, audio.resample(pcm, 24000, 8000)).score > 0.999


def test_of_two_channels_the_first_is_said(tmp_path: Path) -> None:
    left, right = audio.tone(440, 100, 24000), audio.tone(880, 100, 24000)
    both = np.stack([left, right], axis=1).tobytes()
    path = write(tmp_path / "stereo.wav", both, channels=2, rate=24000)
    assert dial_sound.load(path) == left.tobytes()


def test_a_file_that_was_cut_in_a_frame_plays_up_to_there(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.wav", b"\x01\x00" * 400, channels=2, rate=24000)
    whole.write_bytes(whole.read_bytes()[:-3])
    assert len(dial_sound.load(whole)) == 199 * 2


BAD = {
    "a text": (b"no sound at all", "does not start with RIFF"),
    "nothing": (b"", "it ends too early"),
    "a float WAV": (
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32),
        "unknown format: 3",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_wav_is_told(tmp_path: Path, case: str) -> None:
    data, words = BAD[case]
    path = tmp_path / "bad.wav"
    path.write_bytes(data)
    with pytest.raises(SoundError) as caught:
        dial_sound.load(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    assert "WAV file of 16 bit PCM" in str(caught.value)


def test_eight_bits_and_no_samples_are_told(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="8 bit; it must be a WAV file of 16 bit PCM"):
        dial_sound.load(write(tmp_path / "8.wav", b"\x80" * 10, bits=8))
    with pytest.raises(SoundError, match="there is no sound in it"):
        dial_sound.load(write(tmp_path / "0.wav", b""))


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"none.wav: No such file or directory$"):
        dial_sound.load(tmp_path / "none.wav")
    with pytest.raises(SoundError, match="Is a directory"):
        dial_sound.load(tmp_path)
    with pytest.raises(SoundError, match="No such file or directory"):
        dial_sound.check_writable(tmp_path / "no-such-folder" / "out.wav")


def test_what_was_heard_is_written_as_it_was(tmp_path: Path) -> None:
    heard = audio.tone(440, 50, dial_sound.RATE_HZ)
    dial_sound.check_writable(tmp_path / "out.wav")
    dial_sound.save(tmp_path / "out.wav", heard)
    read = audio.read_wav(tmp_path / "out.wav", rate_hz=dial_sound.RATE_HZ)
    assert read.tobytes() == heard.tobytes()


def test_what_people_said_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    dial_sound.check_writable(path)
    assert path.stat().st_mode & 0o777 == 0o600
    dial_sound.save(path, np.zeros(4, np.int16))
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)  # a file that was there stays as its owner has made it
    dial_sound.check_writable(path)
    assert path.stat().st_mode & 0o777 == 0o644


def test_levels() -> None:
    full_scale = (np.sin(np.arange(2400) * np.pi / 12) * 32767).astype(np.int16)
    assert dial_sound.level_dbfs(full_scale) == pytest.approx(-3.0, abs=0.1)
    assert dial_sound.level_dbfs(np.zeros(100, np.int16)) == pytest.approx(-180.3, abs=0.1)
    assert dial_sound.level_dbfs(np.zeros(0, np.int16)) is None
