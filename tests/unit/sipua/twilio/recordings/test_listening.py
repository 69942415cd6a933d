"""What of a caller's sound is a recording, and when it is over: samples in, without a clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.twilio.recordings.listening import Listening
from support.media import audio
from support.media.audio import Pcm

SPEECH = audio.speech("short")
PAUSE_MS = 700


def heard(listening: Listening, *sounds: Pcm, piece: int = 160) -> Pcm:
    """What is kept of them, in order, as long as it goes on."""
    whole = np.concatenate(sounds)
    kept: list[Pcm] = []
    for start in range(0, len(whole), piece):
        if listening.ended:
            break
        kept += listening.feed(whole[start : start + piece])
    return np.concatenate(kept) if kept else np.zeros(0, np.int16)


def seconds(pcm: Sequence[int] | Pcm | int) -> float:
    return (pcm if isinstance(pcm, int) else len(pcm)) / 8000


def test_silence_alone_is_no_recording() -> None:
    for trim in (True, False):
        listening = Listening(timeout_s=5, max_length_s=60, trim=trim)
        kept = heard(listening, audio.silence(4_980))
        assert listening.ended == ""
        kept = np.concatenate([kept, heard(listening, audio.silence(20))])
        assert (listening.ended, listening.samples) == ("silence", 0)
        assert seconds(kept) == (0 if trim else 5)
        assert listening.feed(SPEECH) == ()


def test_speech_ends_with_silence_and_its_edges_are_cut() -> None:
    listening = Listening(timeout_s=3, max_length_s=60)
    kept = heard(listening, audio.silence(2000), SPEECH, audio.silence(9000))
    assert listening.ended == "silence"
    recording = kept[: listening.samples]
    assert audio.is_in(SPEECH, recording)
    assert seconds(SPEECH) <= seconds(recording) <= seconds(SPEECH) + 1.1
    assert seconds(kept) > seconds(recording) + 2


def test_without_a_cut_it_begins_at_the_beep() -> None:
    listening = Listening(timeout_s=3, max_length_s=60, trim=False)
    whole = (audio.silence(2000), SPEECH, audio.silence(9000))
    kept = heard(listening, *whole)
    assert listening.samples == len(kept)
    assert np.array_equal(kept, np.concatenate(whole)[: len(kept)])
    assert abs(seconds(kept) - 2 - seconds(SPEECH) - 3) < 0.6


def test_a_pause_within_what_is_said_stays() -> None:
    listening = Listening(timeout_s=2, max_length_s=60)
    said = np.concatenate([SPEECH, audio.silence(1500), SPEECH])
    kept = heard(listening, audio.silence(800), said, audio.silence(9000))
    recording = kept[: listening.samples]
    assert audio.find(said, recording).score > 0.99


def test_it_is_not_longer_than_it_may_be() -> None:
    for trim in (True, False):
        listening = Listening(timeout_s=2, max_length_s=3, trim=trim)
        kept = heard(listening, *[SPEECH] * 5, piece=1000)
        assert listening.ended == "length"
        assert listening.samples == len(kept)
        assert 2.4 < seconds(kept) <= 3
        assert listening.feed(SPEECH) == ()


def test_a_key_in_the_middle_of_a_word_cuts_nothing() -> None:
    listening = Listening(timeout_s=2, max_length_s=60)
    kept = heard(listening, audio.silence(800), SPEECH[: len(SPEECH) // 2])
    assert listening.samples == len(kept) > 0


def test_a_key_behind_a_silence_cuts_that() -> None:
    listening = Listening(timeout_s=9, max_length_s=60)
    kept = heard(listening, audio.silence(800), SPEECH, audio.silence(5000))
    assert listening.ended == ""
    assert seconds(kept) - seconds(listening.samples) > 3.5


@pytest.mark.parametrize("piece", [1, 80, 160, 240, 4_001, 10**6])
def test_it_does_not_matter_how_the_sound_comes(piece: int) -> None:
    if piece == 1:
        sounds = (audio.silence(100), SPEECH[:8000])
    else:
        sounds = (audio.silence(2345), SPEECH, audio.silence(1200))
    listening = Listening(timeout_s=30, max_length_s=60)
    usual = Listening(timeout_s=30, max_length_s=60)
    kept, wanted = heard(listening, *sounds, piece=piece), heard(usual, *sounds)
    assert np.array_equal(kept[: listening.samples], wanted[: usual.samples])
    assert len(wanted)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 20_000)), max_size=12),
    st.booleans(),
    st.integers(1, 4),
)
def test_what_is_counted_is_what_was_kept(
    parts: list[tuple[bool, int]], trim: bool, timeout_s: int
) -> None:
    listening = Listening(timeout_s=timeout_s, max_length_s=6, trim=trim)
    kept = fed = 0
    for loud, length in parts:
        pcm = np.resize(SPEECH, length) if loud else np.zeros(length, np.int16)
        fed += length
        kept += sum(len(piece) for piece in listening.feed(pcm))
        assert 0 <= listening.samples <= kept <= min(fed, 6 * 8000)
