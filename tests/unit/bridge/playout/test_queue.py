"""Playout: what is handed out, what is reported as played, and what is bounded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.playout.queue import Flushed, PlayoutQueue
from sipua.codecs.g711 import Law, decode
from sipua.codecs.tones import sine
from support.media.audio import find

MS = 48  # bytes of one millisecond at 24 kHz


def tone(duration_ms: float, frequency_hz: float = 440) -> bytes:
    return sine(frequency_hz, duration_ms, 24_000).astype("<i2").tobytes()


def play_all(playout: PlayoutQueue) -> bytes:
    payloads = []
    while playout.pending:
        payloads.append(playout.next_frame().payload)
    return b"".join(payloads)


def test_always_a_frame_and_silence_when_empty() -> None:
    for law, silence in ((Law.PCMU, 0xFF), (Law.PCMA, 0xD5)):
        frame = PlayoutQueue(law).next_frame()
        assert frame.payload == bytes([silence]) * 160
        assert not frame.audio
        assert not frame.marker


def test_audio_comes_out_as_it_went_in() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(200))
    playout.end_item("a")
    heard = decode(Law.PCMU, play_all(playout))
    assert len(heard) == 1600
    match = find(sine(440, 200, 8000), heard)
    assert match.score > 0.99
    # The resampler's 1.4 ms is not in it.
    assert abs(match.offset_ms) < 0.15


def test_marker_on_the_first_frame_of_each_talkspurt() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(60))
    playout.end_item("a")
    frames = [playout.next_frame() for _ in range(5)]
    assert [(frame.audio, frame.marker) for frame in frames] == [
        (True, True),
        (True, False),
        (True, False),
        (False, False),
        (False, False),
    ]
    playout.push("b", tone(20))
    playout.end_item("b")
    assert playout.next_frame().marker


def test_an_items_last_frame_is_filled_with_silence() -> None:
    playout = PlayoutQueue(Law.PCMA)
    playout.push("a", tone(25))
    playout.end_item("a")
    payload = play_all(playout)
    assert len(payload) == 320
    assert payload[200:] == bytes([0xD5]) * 120
    assert payload[199] != 0xD5


@given(cuts=st.lists(st.integers(0, 3000), max_size=20))
@settings(deadline=None, max_examples=50)
def test_deltas_may_be_cut_anywhere_even_inside_a_sample(cuts: list[int]) -> None:
    pcm = tone(300)
    whole, cut = PlayoutQueue(Law.PCMU), PlayoutQueue(Law.PCMU)
    whole.push("a", pcm)
    position = 0
    for size in cuts:
        cut.push("a", pcm[position : position + size])
        position += size
    cut.push("a", pcm[position:])
    for playout in (whole, cut):
        playout.end_item("a")
    assert play_all(cut) == play_all(whole)


def test_a_growing_item_keeps_what_does_not_fill_a_frame() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(15))
    assert not playout.pending
    assert not playout.next_frame().audio
    playout.push("a", tone(10))
    assert playout.pending
    assert playout.next_frame().audio
    assert playout.counters()["underruns"] == 0


def test_running_dry_inside_an_item_is_an_underrun_once() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(45))
    for _ in range(10):
        playout.next_frame()
    assert playout.counters()["underruns"] == 1
    playout.push("a", tone(20))
    assert playout.next_frame().marker


def test_an_item_that_ended_is_no_underrun() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(45))
    playout.end_item("a")
    for _ in range(10):
        playout.next_frame()
    assert playout.counters()["underruns"] == 0


class TestFlush:
    def test_M5_played_and_dropped_are_exact(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(1000))
        playout.end_item("a")
        for _ in range(7):
            playout.next_frame()
        assert playout.flush() == [Flushed("a", played_ms=140, dropped_ms=860)]
        assert not playout.next_frame().audio
        assert playout.buffered_ms == 0

    def test_M5_nothing_more_leaves(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(1000))
        playout.next_frame()
        playout.flush()
        assert not playout.pending
        playout.push("a", tone(100))
        assert not playout.pending
        assert playout.counters()["late_ms"] == 100
        assert playout.flush() == []

    def test_an_item_that_was_heard_to_its_end_is_not_reported(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(40))
        playout.end_item("a")
        play_all(playout)
        assert playout.flush() == []

    def test_an_item_still_growing_is_reported_though_all_of_it_was_heard(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(41.5))
        assert playout.next_frame().audio
        assert playout.next_frame().audio
        assert playout.flush() == [Flushed("a", played_ms=40, dropped_ms=0)]

    def test_filling_is_not_counted_as_played(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(33))
        playout.end_item("a")
        playout.push("b", tone(100))
        playout.end_item("b")
        for _ in range(3):
            playout.next_frame()
        assert playout.flush() == [Flushed("b", played_ms=20, dropped_ms=80)]
        playout.push("c", tone(33))
        playout.end_item("c")
        playout.next_frame()
        assert playout.flush() == [Flushed("c", played_ms=20, dropped_ms=13)]

    def test_items_are_reported_in_their_order(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        for item in ("a", "b", "c"):
            playout.push(item, tone(50))
        playout.next_frame()
        assert [(cut.item_id, cut.played_ms) for cut in playout.flush()] == [
            ("a", 20),
            ("b", 0),
            ("c", 0),
        ]

    def test_a_new_item_after_a_flush_is_heard_from_its_start(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(1003) + b"\x01")
        playout.flush()
        playout.push("b", tone(100))
        playout.end_item("b")
        fresh = PlayoutQueue(Law.PCMU)
        fresh.push("b", tone(100))
        fresh.end_item("b")
        assert playout.next_frame().marker
        fresh.next_frame()
        assert play_all(playout) == play_all(fresh)

    def test_an_item_that_goes_on_after_its_end_keeps_its_account(self) -> None:
        playout = PlayoutQueue(Law.PCMU)
        playout.push("a", tone(40))
        playout.end_item("a")
        play_all(playout)
        playout.push("a", tone(40))
        playout.next_frame()
        assert playout.flush() == [Flushed("a", played_ms=60, dropped_ms=18)]

    def test_flush_of_nothing(self) -> None:
        assert PlayoutQueue(Law.PCMU).flush() == []


@given(lengths_ms=st.lists(st.integers(1, 300), min_size=1, max_size=6), frames=st.integers(0, 100))
@settings(deadline=None, max_examples=50)
def test_played_and_dropped_add_up_to_what_was_pushed(lengths_ms: list[int], frames: int) -> None:
    playout = PlayoutQueue(Law.PCMU)
    for index, length_ms in enumerate(lengths_ms):
        playout.push(str(index), tone(length_ms))
        playout.end_item(str(index))
    assert playout.buffered_ms == sum(lengths_ms)
    for _ in range(frames):
        playout.next_frame()
    for cut in playout.flush():
        assert cut.played_ms + cut.dropped_ms == lengths_ms[int(cut.item_id)]
        assert cut.played_ms % 20 == 0


def test_M4_the_buffer_is_bounded_and_what_does_not_fit_is_counted() -> None:
    playout = PlayoutQueue(Law.PCMU, max_buffered_ms=1000)
    for _ in range(20):
        playout.push("a", tone(100))
    assert 990 <= playout.buffered_ms <= 1000
    assert 990 <= playout.counters()["overflow_ms"] <= 1010
    for _ in range(25):
        playout.next_frame()
    playout.push("a", tone(100))
    assert playout.counters()["overflow_ms"] <= 1010


def test_memory_is_bounded_for_items_without_end() -> None:
    playout = PlayoutQueue(Law.PCMU, max_buffered_ms=1000)
    for index in range(5000):
        playout.push(str(index), tone(0.1))
    assert len(playout._frames) <= 51
    assert len(playout._items) <= 51 + 64


def test_old_items_are_forgotten_but_not_those_still_to_be_heard() -> None:
    playout = PlayoutQueue(Law.PCMU)
    for index in range(200):
        playout.push(str(index), tone(20))
        playout.end_item(str(index))
    assert len(playout.flush()) == 200


def test_law_switch_translates_what_is_buffered() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.push("a", tone(110))
    before = PlayoutQueue(Law.PCMA)
    before.push("a", tone(110))
    playout.set_law(Law.PCMA)
    for one in (playout, before):
        one.push("a", tone(100))
        one.end_item("a")
    heard, expected = play_all(playout), play_all(before)
    assert len(heard) == len(expected)
    error = decode(Law.PCMA, heard).astype(float) - decode(Law.PCMA, expected)
    assert np.sqrt(np.mean(error**2)) < 200  # coded twice: 30 dB below the tone
    assert playout.next_frame().payload == bytes([0xD5]) * 160


@pytest.mark.parametrize("frame_ms", [10, 20, 30, 40, 60])
def test_R9_frames_of_any_ptime(frame_ms: int) -> None:
    playout = PlayoutQueue(Law.PCMU, frame_ms=frame_ms)
    playout.push("a", tone(240))
    playout.end_item("a")
    assert len(playout.next_frame().payload) == frame_ms * 8
    assert playout.flush() == [Flushed("a", played_ms=frame_ms, dropped_ms=240 - frame_ms)]


def test_end_of_an_item_that_is_not_there() -> None:
    playout = PlayoutQueue(Law.PCMU)
    playout.end_item("never")
    playout.push("a", b"")
    playout.end_item("a")
    playout.end_item("a")
    assert not playout.pending
