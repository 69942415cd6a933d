"""Sounds of our own: read, made, refused."""

import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.bridge.playout.sound_files import SoundError
from support.media import audio


def write(path: Path, pcm: audio.Pcm, *, rate: int, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_becomes_the_phones(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", audio.tone(440, 500, rate), rate=rate)
    pcm = sounds.load(path)
    assert abs(len(pcm) - 4000) <= 2
    assert audio.find(audio.tone(440, 400), pcm).score > 0.999


def test_stereo_is_mixed(tmp_path: Path) -> None:
    tone = audio.tone(440, 500)
    both = np.stack([tone, np.zeros_like(tone)], axis=1).reshape(-1)
    pcm = sounds.load(write(tmp_path / "a.wav", both, rate=8000, channels=2))
    assert len(pcm) == 4000
    assert audio.level_dbfs(pcm) == pytest.approx(audio.level_dbfs(tone) - 6, abs=0.1)


def test_what_cannot_be_played_says_why(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="No such file"):
        sounds.load(tmp_path / "none.wav")
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    with pytest.raises(SoundError, match="save it as such"):
        sounds.load(text)
    with pytest.raises(SoundError, match="16-bit PCM"):
        sounds.load(write(tmp_path / "b.wav", audio.tone(440, 500), rate=8000, width=1))
    with pytest.raises(SoundError, match="no audio"):
        sounds.load(write(tmp_path / "c.wav", audio.silence(0), rate=8000))
    with pytest.raises(SoundError, match="longer than"):
        sounds.load(write(tmp_path / "d.wav", audio.silence(700_000), rate=8000))


def test_the_fillers_are_soft_and_loop_without_a_click() -> None:
    for loop in (sounds.soft_filler(), sounds.soft_hold()):
        assert -38 < audio.level_dbfs(loop) < -30
        twice = np.concatenate([loop, loop]).astype(int)
        assert np.max(np.abs(np.diff(twice))) < 1500
        assert audio.longest_silence_ms(np.concatenate([loop, loop])) < 1000


def test_the_prompt_is_speech_at_a_telephones_level() -> None:
    pcm = sounds.prompt("sorry")
    assert 2 < len(pcm) / 8000 < 8
    assert -23 < audio.level_dbfs(pcm) < -18


@pytest.mark.parametrize(
    ("where", "length_s", "quiet_from_s"),
    [
        ("eu", 5.0, 1.0),
        ("uk", 3.0, 1.0),
        ("us", 6.0, 2.0),
        ("fr", 5.0, 1.5),
        ("au", 3.0, 1.0),
        ("jp", 3.0, 1.0),
    ],
)
def test_a_ringing_tone_of_each_country(where: str, length_s: float, quiet_from_s: float) -> None:
    tone = sounds.ringing(where)
    assert len(tone) == length_s * 8000
    assert not tone[round(quiet_from_s * 8000) :].any()
    assert audio.level_dbfs(tone[:3200]) == pytest.approx(-20, abs=1)
    assert sounds.ringing(where) is tone
