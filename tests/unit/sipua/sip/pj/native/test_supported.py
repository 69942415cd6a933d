"""The list of what our INVITEs can: one word is away for a while, and all are there again."""

from __future__ import annotations

import ctypes

import pytest

from sipua.sip.pj.native import supported
from sipua.sip.pj.native.supported import _Header, _Text, without_reliable_ringing


def header(*words: bytes) -> _Header:
    made = _Header(type=36, count=len(words))
    for place, word in enumerate(words):
        made.values[place] = _Text(ctypes.cast(ctypes.c_char_p(word), ctypes.c_void_p), len(word))
    return made


def words(of: _Header) -> list[bytes]:
    return [of.values[place].bytes() for place in range(of.count)]


@pytest.mark.parametrize(
    ("all_words", "left"),
    [
        ([b"replaces", b"100rel", b"timer", b"norefersub"], {b"replaces", b"timer", b"norefersub"}),
        ([b"replaces", b"100rel"], {b"replaces"}),
        ([b"100rel"], set()),
        ([b"replaces", b"timer"], {b"replaces", b"timer"}),
    ],
)
def test_one_word_is_away_for_a_while(
    monkeypatch: pytest.MonkeyPatch, all_words: list[bytes], left: set[bytes]
) -> None:
    made = header(*all_words)
    monkeypatch.setattr(supported, "_header", lambda: made)
    with pytest.raises(OSError, match="no call"), without_reliable_ringing():  # noqa: PT012
        assert set(words(made)) == left
        raise OSError("no call")
    assert words(made) == all_words


def test_a_build_with_another_header_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supported, "_header", lambda: None)
    with without_reliable_ringing():
        pass
