"""Sounds of all formats, by the real child process: made by libsndfile's writers in the test."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.playout import any_format
from sipua.bridge.playout.sound_files import SoundError
from support.media import audio

soundfile = pytest.importorskip("soundfile")

SECOND = audio.tone(440, 1000)
HEARD = audio.tone(440, 800)


def sound(kind: str, subtype: str, rate: int = 16_000, channels: int = 1, ms: int = 1000) -> bytes:
    one = audio.tone(440, ms, rate) / 32768  # its writer of MP3 garbles whole numbers in stereo
    file = io.BytesIO()
    soundfile.write(file, np.stack([one] * channels, axis=1), rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype", "rate"),
    [
        ("MP3", "MPEG_LAYER_III", 44_100),
        ("FLAC", "PCM_16", 16_000),
        ("OGG", "VORBIS", 22_050),
        ("OGG", "OPUS", 48_000),
        ("AIFF", "PCM_16", 44_100),
        ("WAV", "PCM_16", 44_100),
        ("WAV", "PCM_24", 48_000),
        ("WAV", "ULAW", 8000),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_it_becomes_what_the_phone_hears(kind: str, subtype: str, rate: int, channels: int) -> None:
    pcm = any_format.decoded(sound(kind, subtype, rate, channels), "Play")
    assert pcm.dtype == np.int16
    assert not pcm.flags.writeable
    assert abs(len(pcm) - 8000) <= 400  # of Vorbis, whole blocks
    assert audio.find(HEARD, pcm).score > 0.99
    assert audio.level_dbfs(pcm[1000:7000]) == pytest.approx(audio.level_dbfs(SECOND), abs=0.5)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
        (b"RIFF\0\0\0\0AVI LIST", ""),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF"),
        (b"FORM\0\0\0\0AIFCFVER", "AIFF"),
        (b"FORM\0\0\0\0ILBM", ""),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b"OggS\0\2", "Ogg"),
        (b"ID3\4\0", "MP3"),
        (b"\xff\xfb\x90\x64", "MP3"),
        (b"\xff\xf1\x50\x80", ""),  # AAC
        (b"\xff", ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_the_format_by_the_first_bytes(data: bytes, kind: str) -> None:
    assert any_format.format_of(data) == kind


def test_what_is_no_sound_is_not_given_to_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(any_format, "_COMMAND", ("/does/not/exist",))
    with pytest.raises(SoundError, match="neither WAV nor MP3"):
        any_format.decoded(b"<html>Not found</html>", "Play")
    assert len(any_format.decoded(sound("WAV", "PCM_16"), "Play")) == 8000
    with pytest.raises(SoundError, match="cannot be decoded here: No such file"):
        any_format.decoded(sound("WAV", "ULAW"), "Play")


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_two_frames_are_no_sound(kind: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(2), 48_000, format=kind, subtype="PCM_16")
    with pytest.raises(SoundError, match="no audio in it"):
        any_format.decoded(file.getvalue(), "Play")


def test_nonsense_behind_a_beginning() -> None:
    for beginning in (b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90\x64"):
        with pytest.raises(SoundError, match=r"^Play: it .*broken"):
            any_format.decoded(beginning + bytes(range(256)) * 8, "Play")


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(any_format, "find_spec", lambda _: None)
    assert len(any_format.decoded(sound("WAV", "PCM_16"), "Play")) == 8000
    with pytest.raises(SoundError, match=r"Play: MP3 needs soundfile.*sipua\[sounds\]"):
        any_format.decoded(sound("MP3", "MPEG_LAYER_III"), "Play")
    with pytest.raises(SoundError, match="save it as 16-bit PCM"):
        any_format.decoded(sound("WAV", "PCM_U8"), "Play")


def test_an_hour_in_half_a_megabyte_is_left_at_ten_minutes() -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48_000, 1, format="FLAC", subtype="PCM_16") as bomb:
        for _ in range(60):
            bomb.write(np.zeros(48_000 * 60, np.int16))
    assert len(file.getvalue()) < 600_000
    with pytest.raises(SoundError, match="longer than 600 s"):
        any_format.decoded(file.getvalue(), "Play")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "has failed .SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), 40)", "has failed .signal 40"),
        ("raise SystemExit(9)", "has failed .exit code 9"),
        ("import sys; sys.stdout.write('is bad'); sys.exit(3)", "Play: it is bad"),
        ("import sys; sys.stdout.buffer.write(bytes(10_000_000))", "has failed .exit code 0"),
        ("import time; time.sleep(60)", "not decoded within"),
    ],
)
def test_a_decoder_that_fails_is_an_error_and_no_more(
    monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    monkeypatch.setattr(any_format, "_COMMAND", (sys.executable, "-S", "-c", program))
    monkeypatch.setattr(any_format, "_WITHIN_S", 2.0)
    with pytest.raises(SoundError, match=words):
        any_format.decoded(sound("FLAC", "PCM_16"), "Play")


def test_the_decoder_gets_no_keys_and_may_write_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    program = f"""
import os, sys
from sipua.bridge.playout import decoder
decoder._bound()
assert "OPENAI_API_KEY" not in os.environ, "key"
assert os.nice(0) >= 10
try:
    bytearray(2 << 30)
    raise SystemExit("memory")
except MemoryError:
    pass
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open({str(tmp_path / "x")!r}, "wb", buffering=0) as file:
        file.write(b"1" * 100)
    written = os.path.getsize({str(tmp_path / "x")!r})
except OSError:
    written = 0
assert written <= 1
sys.stdout.buffer.write(bytes(16000))
"""
    monkeypatch.setattr(any_format, "_COMMAND", (sys.executable, "-c", program))
    assert len(any_format.decoded(sound("FLAC", "PCM_16"), "Play")) == 8000


def test_nothing_is_kept_open() -> None:
    before = _descriptors()
    any_format.decoded(sound("FLAC", "PCM_16"), "Play")
    with pytest.raises(SoundError):
        any_format.decoded(b"fLaC" + bytes(100), "Play")
    assert _descriptors() == before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
