"""WAV files as they are: what is in the header, whole frames only, and what is no such file."""

from __future__ import annotations

import io
import wave

import pytest

from sipua.codecs import wav


def written(data: bytes, *, rate_hz: int = 8000, channels: int = 1, bits: int = 16) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(bits // 8)
        writer.setframerate(rate_hz)
        writer.writeframes(data)
    file.seek(0)
    return file


def test_header_and_samples() -> None:
    sound = wav.read(written(b"\x01\x00\xff\xff" * 3, rate_hz=24_000, channels=2))
    assert (sound.rate_hz, sound.channels, sound.bits, sound.frames) == (24_000, 2, 16, 3)
    assert sound.samples().tolist() == [[1, -1]] * 3


def test_no_more_is_read_than_was_asked_for() -> None:
    sound = wav.read(written(bytes(2 * 8000)), most_s=0.25)
    assert sound.frames == 8000
    assert sound.samples().shape == (2000, 1)


def test_what_was_cut_within_a_frame_is_left() -> None:
    cut = written(b"\x01\x00" * 8, channels=2).getvalue()[:-3]
    assert wav.read(io.BytesIO(cut)).samples().shape == (3, 2)


def test_other_widths_are_told_and_not_read() -> None:
    assert wav.read(written(bytes(8), bits=8)).bits == 8


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "it ends too early"), (b"no sound at all", "does not start with RIFF")],
)
def test_what_is_no_wav_file(data: bytes, words: str) -> None:
    with pytest.raises(wav.WavError, match=words):
        wav.read(io.BytesIO(data))
