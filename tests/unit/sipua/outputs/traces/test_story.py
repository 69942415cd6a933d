"""What is kept of calls that are up, and of those that wait: all bounded, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipua.events import call_events as told_of
from sipua.events.teller import Told
from sipua.outputs.traces.backlog import Backlog
from sipua.outputs.traces.story import FIRST, LAST, Stories, Story
from sipua.process.trace_context import CallTrace
from support.calls.rows import ended, incoming
from support.calls.traced_call import TRACE, events, faulty, story

UNSAMPLED = replace(TRACE, sampled=False)


def test_a_call_of_hours_keeps_its_begin_and_its_end() -> None:
    many = [(float(n), told_of.Interrupted(item_id="i", played_ms=n)) for n in range(1, 10_000)]
    made = story(events((0.0, incoming()), *many, (10_000.0, ended())))
    assert made is not None
    assert (len(made.first), len(made.last)) == (FIRST, LAST)
    assert made.left_out == 10_001 - FIRST - LAST
    assert made.first[0].type == "call.incoming"
    assert made.last[-1].type == "call.ended"
    assert made.bytes == sum(len(told.data) for told in (*made.first, *made.last))


def test_calls_at_once_and_their_bytes_are_bounded() -> None:
    stories = Stories(private=False, most_calls=3, most_bytes=2000)
    calls = [replace(TRACE, call_id=f"c-{number}") for number in range(5)]
    for call in calls:
        for told in events(
            (0.0, incoming()), *[(1.0, told_of.Dtmf("?", 100, False))] * 50, trace=call
        ):
            assert stories.feed(told) is None
    assert (len(stories), stories.missed) == (3, 2)
    found = [stories.feed(told) for call in calls for told in events((2.0, ended()), trace=call)]
    assert [made is not None for made in found] == [True] * 3 + [False] * 2
    kept = [made for made in found if made is not None]
    assert sum(made.bytes for made in kept) < 2000 + 3 * 1000
    for made in kept:
        assert len(made.first) + made.left_out == 52
    assert len(stories) == 0
    assert stories._bytes == 0


def test_a_call_that_is_not_drawn_is_written_when_it_has_a_fault() -> None:
    for end, written in ((ended(), False), (faulty(), True)):
        made = story(events((0.0, incoming()), (1.0, end), trace=UNSAMPLED))
        assert (made is not None) == written
    assert story(events((0.0, incoming()), (1.0, ended()))) is not None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"end": 5}', b'{"end": {"fault": 5}}', b"\xff"])
def test_an_end_that_cannot_be_read_is_worth_a_look(data: bytes) -> None:
    (first, last) = events((0.0, incoming()), (1.0, ended()), trace=UNSAMPLED)
    assert story([first, replace(last, data=data)]) is not None


def test_events_of_no_trace_or_no_known_call_are_passed_over() -> None:
    stories = Stories(private=False)
    (first, last) = events((0.0, incoming()), (1.0, ended()))
    assert stories.feed(last) is None
    assert stories.feed(replace(first, traceparent="")) is None
    assert stories.feed(replace(first, traceparent="00-nonsense")) is None
    assert stories.feed(Told("edge.listening", 1.0, "", b"{}")) is None
    assert len(stories) == 0


def test_words_are_not_even_kept_unless_they_are_asked_for() -> None:
    words = told_of.TurnText(who="caller", item="i", text="canary", turn=1)
    for private in (False, True):
        made = story(events((0.0, incoming()), (1.0, words), (2.0, ended())), private=private)
        assert made is not None
        assert any(b"canary" in told.data for told in made.first) == private


@pytest.fixture
def waiting() -> list[Story]:
    found = []
    for number in range(10):
        made = Story(CallTrace(TRACE.trace_id, f"c-{number}", sampled=True))
        made.add(Told("call.ended", 1.0, "c", b"x" * 100), room=True)
        found.append(made)
    return found


def test_the_oldest_calls_make_room(waiting: list[Story]) -> None:
    for backlog in (Backlog(most_calls=4), Backlog(most_bytes=400)):
        for one in waiting:
            backlog.put(one)
        assert len(backlog) == 4
        assert (backlog.dropped(), backlog.dropped()) == (6, 0)
        assert backlog.take(3) == waiting[6:9]
        assert backlog.take(3) == waiting[9:]
        assert backlog.take(3) == []
        assert backlog._bytes == 0
