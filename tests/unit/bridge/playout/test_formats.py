"""Playout of each format that an engine may speak: the same sound, and the same milliseconds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.playout.queue import Flushed, PlayoutQueue
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from support.media.audio import find

PCM = (AudioFormat.PCM16, AudioFormat.PCM16_16K, AudioFormat.PCM16_8K)
LAW_OF = {AudioFormat.PCMU: Law.PCMU, AudioFormat.PCMA: Law.PCMA}
EACH = pytest.mark.parametrize("form", list(AudioFormat))
EACH_PCM = pytest.mark.parametrize("form", PCM)


def spoken(form: AudioFormat, duration_ms: float) -> bytes:
    pcm = sine(440, duration_ms, form.rate_hz)
    return encode(LAW_OF[form], pcm) if form in LAW_OF else pcm.astype("<i2").tobytes()


def queue(form: AudioFormat, **bounds: int) -> PlayoutQueue:
    playout = PlayoutQueue(Law.PCMU, **bounds)
    playout.set_format(form)
    return playout


def play_all(playout: PlayoutQueue) -> bytes:
    payloads = []
    while playout.pending:
        payloads.append(playout.next_frame().payload)
    return b"".join(payloads)


@EACH
def test_audio_comes_out_as_it_went_in(form: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 200))
    playout.end_item("a")
    heard = decode(Law.PCMU, play_all(playout))
    assert len(heard) == 1600
    match = find(sine(440, 200, 8000), heard)
    assert match.score > 0.99
    assert abs(match.offset_ms) < 0.15  # no filter's delay is in it


def test_the_telephones_own_rate_is_coded_and_nothing_else() -> None:
    playout = queue(AudioFormat.PCM16_8K)
    playout.push("a", spoken(AudioFormat.PCM16_8K, 100))
    assert play_all(playout) == spoken(AudioFormat.PCMU, 100), "and none of it is held back"


@EACH
def test_M5_played_and_dropped_are_exact(form: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 1000))
    playout.end_item("a")
    for _ in range(7):
        playout.next_frame()
    assert playout.flush() == [Flushed("a", played_ms=140, dropped_ms=860)]
    playout.push("a", spoken(form, 100))
    assert playout.counters()["late_ms"] == 100


@given(
    form=st.sampled_from(AudioFormat),
    lengths_ms=st.lists(st.integers(1, 300), min_size=1, max_size=6),
    frames=st.integers(0, 100),
)
@settings(deadline=None, max_examples=60)
def test_M5_played_and_dropped_add_up_to_what_was_pushed(
    form: AudioFormat, lengths_ms: list[int], frames: int
) -> None:
    playout = queue(form)
    for index, length_ms in enumerate(lengths_ms):
        playout.push(str(index), spoken(form, length_ms))
        playout.end_item(str(index))
    assert playout.buffered_ms == sum(lengths_ms)
    for _ in range(frames):
        playout.next_frame()
    for cut in playout.flush():
        assert cut.played_ms + cut.dropped_ms == lengths_ms[int(cut.item_id)]


@given(form=st.sampled_from(PCM), cuts=st.lists(st.integers(0, 3000), max_size=20))
@settings(deadline=None, max_examples=60)
def test_deltas_may_be_cut_anywhere_even_inside_a_sample(
    form: AudioFormat, cuts: list[int]
) -> None:
    pcm = spoken(form, 300)
    whole, cut = queue(form), queue(form)
    whole.push("a", pcm)
    position = 0
    for size in cuts:
        cut.push("a", pcm[position : position + size])
        position += size
    cut.push("a", pcm[position:])
    for playout in (whole, cut):
        playout.end_item("a")
    assert play_all(cut) == play_all(whole)


@EACH_PCM
def test_a_sound_of_ours_between_two_halves_of_a_sample(form: AudioFormat) -> None:
    pcm = spoken(form, 400)
    middle = len(pcm) // 2 + 1
    playout = queue(form)
    playout.push("a", pcm[:middle])
    playout.push_local("b", np.zeros(160, np.int16))
    playout.push("a", pcm[middle:])
    playout.end_item("a")
    heard = decode(Law.PCMU, play_all(playout))
    assert find(sine(440, 150, 8000), heard[2000:]).score > 0.99, "no noise of swapped bytes"


@EACH_PCM
def test_what_was_cut_off_leaves_nothing_in_a_sound_of_ours(form: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 1003) + b"\x01")
    playout.flush()
    playout.push_local("b", np.full(170, 1000, np.int16))
    assert play_all(playout) == encode(Law.PCMU, np.full(170, 1000, np.int16)) + b"\xff" * 150


@EACH
def test_M4_what_does_not_fit_is_counted_in_milliseconds(form: AudioFormat) -> None:
    playout = queue(form, max_buffered_ms=1000)
    for _ in range(20):
        playout.push("a", spoken(form, 100))
    assert 990 <= playout.buffered_ms <= 1000
    assert 990 <= playout.counters()["overflow_ms"] <= 1010


@EACH
@pytest.mark.parametrize("other", list(AudioFormat))
def test_the_next_engine_may_speak_another_format(form: AudioFormat, other: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 90))
    playout.set_format(other)
    playout.push("b", spoken(other, 100))
    playout.end_item("b")
    heard = decode(Law.PCMU, play_all(playout))
    assert len(heard) == 800 + 800, "each ends with a whole frame"
    assert find(sine(440, 90, 8000), heard[:800]).score > 0.99
    match = find(sine(440, 100, 8000), heard[800:])
    assert match.score > 0.99
    assert abs(match.offset_ms) < 0.15
