from __future__ import annotations

import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.codecs.g711 import Law, decode
from sipua.recording.files.length import seconds_of
from sipua.recording.wav_file import StereoWav

LEFT = (np.arange(8000) % 2000 * 8).astype(np.int16)
RIGHT = -LEFT


def test_it_can_be_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "day" / "c-1.part.wav"
    file = StereoWav(path)
    file.write(LEFT, RIGHT)
    file.write(LEFT, RIGHT)
    with wave.open(str(path)) as reader:  # not closed, as after kill -9
        assert (reader.getnchannels(), reader.getframerate(), reader.getnframes()) == (
            2,
            8000,
            16000,
        )
        both = np.frombuffer(reader.readframes(16000), "<i2").reshape(-1, 2)
    assert np.array_equal(both[:8000, 0], LEFT)
    assert np.array_equal(both[8000:, 1], RIGHT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert seconds_of(path) == 2.0
    file.close()


@pytest.mark.parametrize("law", Law)
def test_g711_is_half_as_long_and_loses_nothing(tmp_path: Path, law: Law) -> None:
    path = tmp_path / "c-1.wav"
    left = decode(law, bytes(range(256)) * 10)
    file = StereoWav(path, law)
    file.write(left, np.zeros_like(left))
    file.close()
    data = path.read_bytes()
    assert data[20:22] == {Law.PCMA: b"\x06\x00", Law.PCMU: b"\x07\x00"}[law]
    assert len(data) == 58 + 2 * len(left)
    assert np.array_equal(decode(law, data[58::2]), left)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert seconds_of(path) == len(left) / 8000


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    first = StereoWav(tmp_path / "c-1.wav")
    with pytest.raises(BlockingIOError):
        StereoWav(tmp_path / "c-1.wav")
    first.close()
