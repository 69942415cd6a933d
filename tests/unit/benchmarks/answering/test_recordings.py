"""Calls put together from prompts; here tones stand for the voices."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.bench.answering import corpus, recordings
from sipua.bench.common.errors import BenchError

STEMS = (
    "beep", "cannot-complete-as-dialed", "conf-usermenu", "digits/0", "hello", "phonetic/a_p",
    "phonetic/z_p", "priv-recordintro", "queue-thankyou", "vm-intro", "vm-isunavail",
    "vm-theperson", *(f"digits/{n}" for n in range(1, 10)),
)  # fmt: skip


def prompt(file: Path, seconds: float = 0.4) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(8000 * seconds)) / 8000
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((np.sin(2 * np.pi * 700 * time) * 9000).astype("<i2").tobytes())


def test_each_kind_is_made(tmp_path: Path) -> None:
    for stem in STEMS:
        prompt(tmp_path / "en" / f"{stem}.wav")
    prompt(tmp_path / "xx" / "hello.wav")  # no voice: the rest is missing
    kinds = recordings.recorded_kinds(tmp_path)
    made = list(corpus.samples("test", 28, 1, kinds))
    assert {one.kind.name for one in made} == {kind.name for kind in kinds}
    assert len({kind.name for kind in kinds}) == len(kinds) == 14
    for one in made:
        assert bool(one.said_until_ms) == ("person" in one.kind.first)
        assert one.said_until_ms < len(one.frames) * 20 > one.beep_ms
        assert bool(one.beep_ms) == (one.kind.name.startswith(("voicemail with ", "screening")))
    again = list(corpus.samples("test", 28, 1, kinds))
    assert all(
        np.array_equal(first, second)
        for one, other in zip(made, again, strict=True)
        for first, second in zip(one.frames, other.frames, strict=True)
    )


def test_where_there_is_no_voice(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="apt-get install asterisk-core-sounds-en-wav"):
        recordings.recorded_kinds(tmp_path)
