from pathlib import Path

import numpy as np
import pytest

from support.media import audio, g711


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_speech_is_found_through_g711_at_another_gain(law: int) -> None:
    wanted = audio.speech("caller")
    line = np.concatenate([audio.silence(730), (wanted * 0.25).astype(np.int16), audio.silence(90)])
    heard = g711.decode(law, g711.encode(law, line))
    match = audio.find(wanted, heard)
    assert match.score > 0.98
    assert match.offset_ms == pytest.approx(730, abs=0.2)


def test_another_voice_silence_and_noise_do_not_match() -> None:
    wanted = audio.speech("caller")
    noise = np.random.default_rng(1).normal(0, 3000, 60000).astype(np.int16)
    other = np.concatenate([audio.silence(300), audio.speech("pbx"), audio.silence(800)])
    for heard in (noise, other, audio.silence(6000)):
        assert audio.find(wanted, heard).score < 0.3


def test_wrong_polarity_does_not_match() -> None:
    wanted = audio.speech("short")
    assert audio.find(wanted, -wanted).score < 0.5


def test_part_of_a_sample_of_delay_costs_nothing() -> None:
    wanted = audio.speech("caller")
    wide = audio.resample(wanted, 8000, 24000)
    delayed = audio.resample(np.concatenate([np.zeros(1, np.int16), wide]), 24000, 8000)
    match = audio.find(wanted[:-8], delayed)
    assert match.score > 0.97
    assert 0 < match.offset_ms < 0.125


def test_a_reference_longer_than_the_recording_is_not_found() -> None:
    assert audio.find(audio.speech("caller"), audio.silence(10)).score == 0


def test_a_lost_frame_shows_in_the_pieces() -> None:
    wanted = audio.speech("caller")
    heard = np.concatenate([wanted[:12000], wanted[12160:]])
    assert audio.find(wanted, heard).score < 0.9
    pieces = audio.find_pieces(wanted, np.concatenate([heard, audio.silence(100)]))
    assert min(piece.score for piece in pieces) > 0.95
    assert pieces[0].offset_ms == pytest.approx(0, abs=0.2)
    assert pieces[-1].offset_ms == pytest.approx(-20, abs=0.2)


def test_levels() -> None:
    assert audio.level_dbfs(audio.silence(100)) == float("-inf")
    assert audio.level_dbfs(audio.tone(1000, 500)) == pytest.approx(-13.3, abs=0.1)


def test_gaps_and_the_longest_silence() -> None:
    line = np.concatenate(
        [audio.silence(100), audio.tone(440, 200), audio.silence(60), audio.tone(440, 100)]
    )
    assert audio.gaps(line) == [audio.Gap(0, 100), audio.Gap(300, 60)]
    assert audio.gaps(line, min_ms=80) == [audio.Gap(0, 100)]
    assert audio.longest_silence_ms(line) == 100
    assert audio.longest_silence_ms(audio.tone(440, 100)) == 0


def test_wav_there_and_back_at_another_rate(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    audio.write_wav(path, audio.tone(440, 300, 24000), rate_hz=24000)
    assert np.array_equal(audio.read_wav(path, rate_hz=24000), audio.tone(440, 300, 24000))
    assert audio.find(audio.tone(440, 200), audio.read_wav(path, rate_hz=8000)).score > 0.99


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_every_g711_level_survives(law: int) -> None:
    levels = g711.decode(law, bytes(range(256)))
    assert np.array_equal(g711.decode(law, g711.encode(law, levels)), levels)
    assert (levels.max(), levels.min()) == {0: (32124, -32124), 8: (32256, -32256)}[law]
