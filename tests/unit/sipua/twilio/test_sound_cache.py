from __future__ import annotations

import numpy as np
import pytest

from sipua.bridge.playout import any_format
from sipua.bridge.playout.sound_files import SoundError
from sipua.codecs.pcm import Pcm
from sipua.twilio.sound_cache import SoundCache


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What had to be decoded; a sound is as long as its data."""
    done: list[bytes] = []

    def decode(data: bytes, name: str) -> Pcm:
        done.append(data)
        if not data:
            raise SoundError(f"{name}: there is no audio in it")
        return np.zeros(len(data) // 2, np.int16)

    monkeypatch.setattr(any_format, "decoded", decode)
    return done


def test_a_sound_is_decoded_once(decoded: list[bytes]) -> None:
    cache = SoundCache()
    first = cache.decoded(b"ab", "Play")
    assert cache.decoded(bytes(bytearray(b"ab")), "Play") is first
    cache.decoded(b"cd", "Play")
    assert decoded == [b"ab", b"cd"]


def test_the_one_that_was_heard_longest_ago_goes_first(decoded: list[bytes]) -> None:
    cache = SoundCache(most_bytes=8)
    for data in (b"aaaa", b"bbbb", b"aaaa", b"cccc", b"aaaa", b"bbbb"):
        cache.decoded(data, "Play")
    assert decoded == [b"aaaa", b"bbbb", b"cccc", b"bbbb"]


def test_one_that_is_too_long_drives_out_no_other(decoded: list[bytes]) -> None:
    cache = SoundCache(most_bytes=8)
    for data in (b"aaaa", b"b" * 10, b"b" * 10, b"aaaa"):
        cache.decoded(data, "Play")
    assert decoded == [b"aaaa", b"b" * 10, b"b" * 10]


def test_an_error_is_not_kept(decoded: list[bytes]) -> None:
    cache = SoundCache()
    for _ in range(2):
        with pytest.raises(SoundError, match="Play: there is no audio"):
            cache.decoded(b"", "Play")
    assert decoded == [b"", b""]
