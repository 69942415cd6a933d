"""Groups of events for a receiver that takes batches, by a moved clock."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.config.sections.webhooks import RETRY_S
from sipua.outputs.hooks import bodies
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.endpoint_queue import EndpointQueue, Fate, Job

OK = Answer(200)
DOWN = Answer(cause="cannot be reached")
T = 1_795_000_000.0


def queue(*, together: int = 100, most_bytes: int = 10_000, parallel: int = 8) -> EndpointQueue:
    return EndpointQueue(
        RETRY_S,
        parallel=parallel,
        max_age_s=3600.0,
        random=lambda: 0.0,
        together=together,
        together_bytes=most_bytes,
    )


def filled(waiting: EndpointQueue, calls: str, size: int = 100) -> EndpointQueue:
    for number, call_id in enumerate(calls):
        waiting.add(Job(number, call_id, T, size))
    return waiting


def numbers(groups: list[list[Job]]) -> list[list[int]]:
    return [[one.number for one in group] for group in groups]


def test_all_that_waits_goes_together_each_call_in_its_order() -> None:
    waiting = filled(queue(), "abacab")
    (group,) = waiting.take(T)
    assert numbers([group]) == [[0, 2, 4, 1, 5, 3]]
    assert waiting.take(T) == []
    assert waiting.next_s() is None
    assert {fate for _, fate in waiting.over(group, OK, T)} == {Fate.DELIVERED}
    assert (waiting.waiting, waiting.bytes, waiting.in_flight) == (0, 0, 0)


def test_what_comes_meanwhile_waits_for_its_call() -> None:
    waiting = filled(queue(), "ab")
    (group,) = waiting.take(T)
    waiting.add(Job(7, "a", T, 100))
    waiting.add(Job(8, "c", T, 100))
    assert numbers(waiting.take(T)) == [[8]]
    waiting.over(group, OK, T)
    assert numbers(waiting.take(T)) == [[7]]


def test_a_group_is_bounded_by_number_and_by_size() -> None:
    waiting = filled(queue(together=3), "aaaab")
    assert numbers(waiting.take(T)) == [[0, 1, 2], [4]]
    waiting = filled(queue(most_bytes=250), "aaab")
    assert numbers(waiting.take(T)) == [[0, 1], [3]]
    waiting = filled(queue(most_bytes=250), "ab", size=1000)
    assert numbers(waiting.take(T)) == [[0], [1]], "one that is larger goes alone"


def test_W1_a_group_that_is_not_taken_is_an_attempt_of_its_heads_alone() -> None:
    waiting = filled(queue(), "aab")
    (group,) = waiting.take(T)
    fates = waiting.over(group, DOWN, T)
    assert [(job.number, fate) for job, fate in fates] == [(0, Fate.LATER), (2, Fate.LATER)]
    assert [job.attempts for job in group] == [1, 0, 1]
    assert waiting.take(T + 4.9) == []
    assert numbers(waiting.take(T + 5.0)) == [[0], [2]], "each by itself, without those behind it"


def test_W1_one_that_is_always_refused_holds_up_its_own_call_alone() -> None:
    waiting = filled(queue(), "aabbcc")
    now, delivered = T, list[int]()
    for _ in range(4):
        for group in waiting.take(now):
            bad = any(job.number == 2 for job in group)
            for job, fate in waiting.over(group, DOWN if bad else OK, now):
                if fate is Fate.DELIVERED:
                    delivered.append(job.number)
        now += 6.0
    assert delivered == [0, 4, 1, 5]


def test_W1_410_buries_the_whole_group() -> None:
    waiting = filled(queue(), "aab")
    (group,) = waiting.take(T)
    fates = waiting.over(group, Answer(410, "gone"), T)
    assert [(job.number, fate) for job, fate in fates] == [(n, Fate.DEAD) for n in range(3)]
    assert waiting.give_up_all() == []
    assert (waiting.waiting, waiting.in_flight) == (0, 0)


def test_who_asks_for_less_gets_one_event_at_a_time() -> None:
    waiting = filled(queue(), "abc")
    (group,) = waiting.take(T)
    waiting.over(group, Answer(503, "busy", 60.0), T)
    waiting.add(Job(9, "d", T, 100))
    (probe,) = waiting.take(T + 60.0)
    assert len(probe) == 1
    assert waiting.take(T + 60.0) == []


def test_what_is_deleted_elsewhere_is_dropped_wherever_it_stands() -> None:
    waiting = filled(queue(), "aaab")
    (group,) = waiting.take(T)
    waiting.put_back(group, T)
    waiting.drop([group[0], group[2]])
    assert numbers(waiting.take(T)) == [[1, 3]]
    assert (waiting.waiting, waiting.bytes) == (2, 200)


ANSWERS = st.sampled_from([OK, OK, DOWN, Answer(429, "x"), Answer(503, "x", 30.0)])


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 5), st.randoms(use_true_random=False))
def test_whatever_happens(
    data: st.DataObject, parallel: int, together: int, chance: random.Random
) -> None:
    """Of each call one request is in flight; each job ends once, in the order of its call."""
    waiting = EndpointQueue(
        RETRY_S[:4],
        parallel=parallel,
        max_age_s=3600.0,
        random=chance.random,
        together=together,
        together_bytes=350,
    )
    now, added, ended, flying = T, 0, dict[int, Fate](), list[list[Job]]()
    last = dict[str, int]()

    def finish(answer: Answer) -> None:
        group = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        for one, fate in waiting.over(group, answer, now):
            if fate is not Fate.LATER:
                assert one.number not in ended
                assert last.get(one.call_id, -1) < one.number, "in the order of its call"
                ended[one.number], last[one.call_id] = fate, one.number

    for _ in range(data.draw(st.integers(1, 60))):
        act = data.draw(st.sampled_from(["add", "add", "take", "over", "put back", "wait"]))
        if act == "add":
            waiting.add(Job(added, data.draw(st.sampled_from("abc")), now, 100))
            added += 1
        elif act == "take":
            taken = waiting.take(now)
            assert all(1 <= len(group) <= together for group in taken)
            flying += taken
            assert len(flying) <= parallel
            calls = [call for group in flying for call in {one.call_id for one in group}]
            assert len(set(calls)) == len(calls)
        elif act == "over" and flying:
            finish(data.draw(ANSWERS))
        elif act == "put back" and flying:
            waiting.put_back(flying.pop(), now + 1.0)
        else:
            now += data.draw(st.sampled_from([0.1, 7.0, 400.0]))
    for _ in range(10_000):
        flying += waiting.take(now)
        if flying:
            finish(OK)
        elif (due := waiting.next_s()) is None:
            break
        else:
            now = max(now, due)
    assert sorted(ended) == list(range(added)), "each once, and none is left"
    assert (waiting.waiting, waiting.bytes, waiting.in_flight) == (0, 0, 0)


def test_the_body_is_an_array_and_its_id_is_of_its_events() -> None:
    documents = [b'{"id":"a-1"}', b'{"id":"a-2"}']
    assert json.loads(bodies.batch(documents)) == [{"id": "a-1"}, {"id": "a-2"}]
    assert bodies.batch_id(["a-1", "a-2"]) == bodies.batch_id(iter(["a-1", "a-2"]))
    assert len({bodies.batch_id(ids) for ids in (["a-1"], ["a-1", "a-2"], ["a-1a-2"])}) == 3
