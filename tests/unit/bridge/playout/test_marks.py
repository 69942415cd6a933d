"""Marks in the playout: told when all that was queued before has been handed out, or dropped."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import AudioLeft, AudioPlayed, MarkReached
from sipua.bridge.playout.marks import MAX_PENDING
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from support.media.audio import find

MS = 8
EACH = pytest.mark.parametrize("form", list(AudioFormat))


def queue(form: AudioFormat = AudioFormat.PCMU, **bounds: int) -> PlayoutQueue:
    playout = PlayoutQueue(Law.PCMU, **bounds)
    playout.set_format(form)
    return playout


def spoken(form: AudioFormat, duration_ms: float) -> bytes:
    pcm = sine(440, duration_ms, form.rate_hz)
    return encode(Law[form.name], pcm) if form.is_g711 else pcm.astype("<i2").tobytes()


def told(playout: PlayoutQueue) -> list[tuple[str, bool]]:
    """The marks' news, taken off as the sender does."""
    news = [one for one in playout.news if isinstance(one, MarkReached)]
    playout.news.clear()
    return [(one.name, one.played) for one in news]


def played_until_told(playout: PlayoutQueue, frames: int = 100) -> list[tuple[int, str]]:
    """Which mark was told with which frame."""
    found = []
    for number in range(1, frames + 1):
        playout.next_frame()
        found += [(number, name) for name, _ in told(playout)]
    return found


def test_it_is_told_with_the_last_frame_before_it() -> None:
    playout = queue()
    playout.push("a", bytes(60 * MS))
    playout.mark("first")
    playout.push("a", bytes(40 * MS))
    playout.mark("second")
    playout.mark("third")
    playout.push("a", bytes(20 * MS))
    assert told(playout) == []
    assert played_until_told(playout) == [(3, "first"), (5, "second"), (5, "third")]


def test_of_an_item_that_ends_there_the_end_comes_first() -> None:
    playout = queue()
    playout.push("a", bytes(20 * MS))
    playout.end_item("a")
    playout.mark("end")
    playout.next_frame()
    assert list(playout.news) == [AudioLeft("a"), AudioPlayed("a", 20), MarkReached("end", True)]


@EACH
def test_with_nothing_before_it_it_is_told_at_once(form: AudioFormat) -> None:
    playout = queue(form)
    playout.mark("silence")
    assert told(playout) == [("silence", True)]
    playout.push("a", b"")
    playout.mark("nothing yet")
    assert told(playout) == [("nothing yet", True)]
    playout.push("a", spoken(form, 100))
    playout.end_item("a")
    while playout.pending:
        playout.next_frame()
    playout.mark("all is out")
    assert told(playout) == [("all is out", True)]
    playout.push("b", spoken(form, 100))
    playout.flush()
    told(playout)
    playout.mark("all is cut")
    assert told(playout) == [("all is cut", True)]


@EACH
def test_the_rest_of_a_frame_does_not_hold_it_for_ever(form: AudioFormat) -> None:
    """No item's end comes: the rest is played, filled up, and more of the item comes later."""
    playout = queue(form)
    playout.push("a", spoken(form, 50))
    playout.mark("m")
    frames = [playout.next_frame() for _ in range(5)]
    assert [frame.audio for frame in frames] == [True, True, True, False, False]
    assert frames[2].payload[10 * MS :] == bytes([Law.PCMU.silence]) * (10 * MS)
    assert told(playout) == [("m", True)]
    playout.push("a", spoken(form, 70))
    playout.end_item("a")
    after = b"".join(playout.next_frame().payload for _ in range(4))
    match = find(sine(440, 70, 8000), decode(Law.PCMU, after))
    assert match.score > 0.99
    assert abs(match.offset_ms) < 0.15
    assert list(playout.news) == [AudioPlayed("a", 120)]


@pytest.mark.parametrize("form", [AudioFormat.PCM16, AudioFormat.PCM16_16K])
def test_what_the_filter_still_holds_is_before_it_too(form: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 20.625))  # 154 samples are through, 11 are in the filter
    playout.mark("m")
    assert played_until_told(playout) == [(2, "m")]


def test_the_rest_goes_on_with_what_comes_in_time() -> None:
    playout = queue()
    playout.push("a", bytes([1]) * (30 * MS))
    playout.mark("m")
    playout.next_frame()
    assert told(playout) == []
    playout.push("a", bytes([2]) * (30 * MS))
    second = playout.next_frame()
    assert second.payload == bytes([1]) * (10 * MS) + bytes([2]) * (10 * MS), "and no silence"
    assert told(playout) == [("m", True)]


def test_the_rest_is_part_of_the_talkspurt_that_runs_but_begins_none_at_once() -> None:
    playout = queue()
    playout.push("a", bytes(5 * MS))
    playout.mark("m")
    assert not playout.pending, "more may come before the next tick"
    assert playout.next_frame().audio
    playout.push("a", bytes(25 * MS))
    playout.mark("n")
    assert [playout.next_frame().audio, playout.pending] == [True, True]
    assert not playout.next_frame().marker, "no gap before the rest"
    assert not playout.pending


@EACH
def test_M5_flush_tells_all_that_are_pending_in_their_order(form: AudioFormat) -> None:
    playout = queue(form)
    playout.push("a", spoken(form, 100))
    for name in ("one", "two", "three"):
        playout.push("a", spoken(form, 100))
        playout.mark(name)
    for _ in range(11):
        playout.next_frame()
    playout.flush()
    assert told(playout) == [("one", True), ("two", False), ("three", False)]
    playout.push("b", spoken(form, 40))
    playout.end_item("b")
    playout.mark("four")
    assert played_until_told(playout) == [(2, "four")]


def test_sounds_of_ours_between_change_no_order() -> None:
    playout = queue()
    playout.push("a", bytes(30 * MS))
    playout.mark("before")
    playout.push_local("local", np.zeros(40 * MS, np.int16))
    playout.push("a", bytes(20 * MS))
    playout.mark("behind")
    assert played_until_told(playout) == [(2, "before"), (5, "behind")]


def test_a_sound_that_may_not_be_cut_holds_no_mark_of_what_was() -> None:
    playout = queue()
    playout.push_local("goodbye", np.zeros(40 * MS, np.int16))
    playout.push("a", bytes(40 * MS))
    playout.mark("m")
    playout.flush()
    assert told(playout) == [("m", False)]
    assert played_until_told(playout) == []


def test_on_hold_they_wait() -> None:
    playout = queue()
    playout.push("a", bytes(30 * MS))
    playout.mark("m")
    playout.pause(True, "hold")
    assert played_until_told(playout) == []
    assert not playout.pending
    playout.pause(False, "hold")
    assert played_until_told(playout) == [(2, "m")]


def test_another_law_or_another_engine_changes_nothing() -> None:
    playout = queue()
    playout.push("a", bytes(50 * MS))
    playout.mark("m")
    playout.set_law(Law.PCMA)
    playout.set_format(AudioFormat.PCM16_16K)
    assert played_until_told(playout) == [(3, "m")]


def test_they_are_bounded_and_the_oldest_is_told_as_dropped() -> None:
    playout = queue()
    playout.push("a", bytes(40 * MS))
    for number in range(MAX_PENDING + 3):
        playout.mark(str(number))
    assert told(playout) == [("0", False), ("1", False), ("2", False)]
    assert playout.counters()["marks_dropped"] == 3
    reached = played_until_told(playout)
    assert reached == [(2, str(number)) for number in range(3, MAX_PENDING + 3)]


def test_the_one_behind_a_dropped_one_keeps_its_place() -> None:
    playout = queue()
    for number in range(MAX_PENDING + 1):
        playout.push("a", bytes(20 * MS))
        playout.mark(str(number))
    told(playout)
    assert played_until_told(playout, 4) == [(2, "1"), (3, "2"), (4, "3")]


STEPS = st.one_of(
    st.tuples(st.just("push"), st.integers(0, 700)),
    st.tuples(st.just("mark"), st.just(0)),
    st.tuples(st.just("play"), st.integers(1, 4)),
    st.tuples(st.just("end"), st.just(0)),
    st.tuples(st.just("local"), st.integers(1, 400)),
)


@given(form=st.sampled_from(AudioFormat), steps=st.lists(STEPS, max_size=40))
@settings(deadline=None, max_examples=200)
def test_each_is_told_once_in_order_and_never_before_what_was_pushed(
    form: AudioFormat, steps: list[tuple[str, int]]
) -> None:
    """Judged by the items' account of played samples: it is not the marks'."""
    playout = queue(form)
    names = map(str, itertools.count())
    due: list[tuple[str, float]] = []  # a mark, and the milliseconds that were pushed before it
    pushed_ms = played_ms = 0.0
    reached: list[str] = []

    def look() -> None:
        nonlocal played_ms
        played_ms = playout.played_ms("a")
        for name, played in told(playout):
            expected, before_ms = due[len(reached)]
            assert (name, played) == (expected, True)
            assert played_ms >= int(before_ms)
            reached.append(name)

    for step, amount in steps:
        match step:
            case "push":
                size = amount * form.bytes_per_ms // MS // 2 * 2
                playout.push("a", bytes(size))
                pushed_ms += size / form.bytes_per_ms
            case "mark":
                due.append((next(names), pushed_ms))
                playout.mark(due[-1][0])
            case "play":
                for _ in range(amount):
                    playout.next_frame()
            case "end":
                playout.end_item("a")
            case _:
                playout.push_local("b", np.zeros(amount, np.int16))
        look()
    for _ in range(len(steps) * 10):
        playout.next_frame()
    look()
    assert reached == [name for name, _ in due], "none waits for ever"
