"""What the child process does, in this one: `test_any_format.py` has the process."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import pytest

from sipua.bridge.playout import decoder
from sipua.bridge.playout.decoder import UndecodableError
from sipua.codecs.pcm import Pcm
from support.media import audio

soundfile = pytest.importorskip("soundfile")

HEARD = audio.tone(440, 1800)


def written(samples: Any, rate: int, kind: str, subtype: str, **more: Any) -> bytes:
    file = io.BytesIO()
    if samples.dtype == np.int16:
        samples = samples / 32768  # its writer of MP3 garbles whole numbers in stereo
    soundfile.write(file, samples, rate, format=kind, subtype=subtype, **more)
    return file.getvalue()


def decoded(data: bytes, *, zeros: int = 0) -> Pcm:
    with os.fdopen(os.memfd_create("sound"), "w+b") as file:
        file.write(data)
        file.truncate(len(data) + zeros)
        file.seek(0)
        return decoder.decoded(file.fileno())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("kind", "subtype", "rates"),
    [
        (
            "MP3",
            "MPEG_LAYER_III",
            (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        ),
        ("OGG", "VORBIS", (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)),
        ("OGG", "OPUS", (8000, 12_000, 16_000, 24_000, 48_000)),
        ("FLAC", "PCM_24", (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)),
    ],
)
def test_each_rate_becomes_the_phones(
    kind: str, subtype: str, rates: tuple[int, ...], channels: int
) -> None:
    for rate in rates:
        tone = np.stack([audio.tone(440, 2000, rate)] * channels, axis=1)
        pcm = decoded(written(tone, rate, kind, subtype))
        assert abs(len(pcm) - 16_000) <= 400, rate
        assert audio.find(HEARD, pcm).score > 0.99, rate


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *(("WAV", one) for one in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        *(("WAV", one) for one in ("ULAW", "ALAW", "GSM610", "IMA_ADPCM", "MS_ADPCM")),
        *(("AIFF", one) for one in ("PCM_16", "PCM_24", "ULAW", "ALAW")),
        *(("FLAC", one) for one in ("PCM_S8", "PCM_16")),
        ("WAVEX", "PCM_24"),
    ],
)
def test_what_telephony_and_studios_write(kind: str, subtype: str) -> None:
    pcm = decoded(written(audio.tone(440, 2000), 8000, kind, subtype))
    assert audio.find(HEARD, pcm).score > 0.98
    assert audio.level_dbfs(pcm[1000:15_000]) == pytest.approx(audio.level_dbfs(HEARD), abs=0.5)


def test_both_sides_of_a_stereo_sound_are_heard() -> None:
    tone = audio.tone(440, 2000)
    pcm = decoded(written(np.stack([tone, np.zeros_like(tone)], axis=1), 8000, "FLAC", "PCM_16"))
    assert len(pcm) == 16_000
    assert audio.level_dbfs(pcm) == pytest.approx(audio.level_dbfs(tone) - 6, abs=0.1)


def test_a_mp3_of_changing_quality_without_a_count_of_its_frames_is_heard_to_its_end() -> None:
    """Its length is guessed by the first frame: a quarter of it was heard."""
    rate = 44_100
    noise = np.random.default_rng(1).normal(0, 8000, rate * 2).astype(np.int16)
    samples = np.concatenate([noise, audio.silence(5000, rate), audio.tone(440, 2000, rate)])
    whole = written(samples, rate, "MP3", "MPEG_LAYER_III", bitrate_mode="VARIABLE")
    first = whole[: whole.index(b"Xing") + 100].rindex(b"\xff\xfb")
    headless = whole[whole.index(b"\xff\xfb", first + 4) :]
    assert b"Xing" not in headless
    pcm = decoded(headless, zeros=63 * len(headless))
    assert abs(len(pcm) - 72_000) <= 1000
    assert audio.find(HEARD, pcm[-17_000:]).score > 0.98


@pytest.mark.parametrize(
    ("kind", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")]
)
def test_of_a_file_that_breaks_off_the_beginning_is_heard(kind: str, subtype: str) -> None:
    data = written(audio.tone(440, 8000, 48_000), 48_000, kind, subtype)
    half = data[: len(data) // 2]
    pcm = decoded(half, zeros=63 * len(half) if kind == "MP3" else 0)
    assert 16_000 < len(pcm) < 44_000
    assert audio.find(HEARD, pcm).score > 0.98


def test_floats_that_are_no_numbers() -> None:
    samples = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.5] * 2000, np.float32)
    stereo = np.stack([samples, samples], axis=1)
    pcm = decoded(written(stereo, 8000, "WAV", "FLOAT"))
    assert len(pcm) == 12_000


@pytest.mark.parametrize(
    ("frames", "channels", "rate", "kind", "subtype", "words"),
    [
        (100, 3, 8000, "WAV", "PCM_16", "3 channels"),
        (100, 1, 2000, "FLAC", "PCM_16", "2000 Hz"),
        (100, 1, 384_000, "WAV", "PCM_16", "384000 Hz"),
        (0, 1, 8000, "WAV", "PCM_24", "no audio"),
        (2, 1, 48_000, "FLAC", "PCM_16", "no audio"),
        (100, 1, 8000, "CAF", "PCM_16", "is CAF"),
        (8000 * 601, 1, 8000, "WAV", "ULAW", "longer than 600 s"),
    ],
)
def test_what_cannot_be_played_says_why(
    *, frames: int, channels: int, rate: int, kind: str, subtype: str, words: str
) -> None:
    data = written(np.zeros((frames, channels)), rate, kind, subtype)
    with pytest.raises(UndecodableError, match=words):
        decoded(data)
