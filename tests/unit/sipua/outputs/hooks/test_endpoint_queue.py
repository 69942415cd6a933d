"""The order, the schedule and the bounds of what waits for one receiver, by a moved clock."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.config.sections.webhooks import RETRY_S
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.endpoint_queue import EndpointQueue, Fate, Job

OK = Answer(200)
DOWN = Answer(cause="cannot be reached")
HOUR_S = 3600.0
T = 1_795_000_000.0


def queue(
    *, parallel: int = 8, chance: float = 0.0, max_age_s: float = 80 * HOUR_S
) -> EndpointQueue:
    return EndpointQueue(RETRY_S, parallel=parallel, max_age_s=max_age_s, random=lambda: chance)


def job(number: int, call_id: str = "c-1", at_s: float = T) -> Job:
    return Job(number, call_id, at_s, 100)


def numbers(jobs: list[Job]) -> list[int]:
    return [one.number for one in jobs]


def take(waiting: EndpointQueue, now: float) -> list[Job]:
    """Of a receiver that takes no batches."""
    return [one for (one,) in waiting.take(now)]


def over(waiting: EndpointQueue, one: Job, answer: Answer, now: float) -> Fate:
    ((same, fate),) = waiting.over([one], answer, now)
    assert same is one
    return fate


def test_a_call_is_sent_in_order_and_calls_beside_each_other() -> None:
    waiting = queue()
    for number, call_id in enumerate(["a", "b", "a", "b", "a"], 1):
        waiting.add(job(number, call_id))
    first, second = take(waiting, T)
    assert numbers([first, second]) == [1, 2]
    assert take(waiting, T) == []
    assert over(waiting, second, OK, T) is Fate.DELIVERED
    assert numbers(take(waiting, T)) == [4]
    assert over(waiting, first, OK, T) is Fate.DELIVERED
    assert numbers(take(waiting, T)) == [3]
    assert waiting.waiting == 3


def test_no_more_at_once_than_the_bound() -> None:
    waiting = queue(parallel=3)
    for number in range(10):
        waiting.add(job(number, f"c-{number}"))
    assert numbers(take(waiting, T)) == [0, 1, 2]
    assert waiting.next_s() is None


def test_W1_the_schedule_of_ten_attempts_and_then_a_dead_letter() -> None:
    waiting = queue()
    waiting.add(job(1))
    waiting.add(job(2))
    now, attempts = T, list[float]()
    while True:
        (one,) = take(waiting, now)
        assert one.number == 1, "the second waits for the first"
        attempts.append(now - T)
        if over(waiting, one, DOWN, now) is Fate.DEAD:
            break
        due = waiting.next_s()
        assert due is not None
        assert take(waiting, due - 0.01) == []
        now = due
    assert attempts == list(itertools.accumulate(RETRY_S))
    assert len(attempts) == 10
    (second,) = take(waiting, now)
    assert second.number == 2
    assert over(waiting, second, OK, now) is Fate.DELIVERED


def test_W1_down_for_an_hour_then_everything_arrives_in_order() -> None:
    waiting = queue(chance=0.5)
    for number in range(30):
        waiting.add(job(number, f"c-{number % 3}"))
    now, arrived = T, list[int]()
    while waiting.waiting:
        for one in take(waiting, now):
            answer = OK if now >= T + HOUR_S else DOWN
            if over(waiting, one, answer, now) is Fate.DELIVERED:
                arrived.append(one.number)
        now = max(now, waiting.next_s() or now)
    assert sorted(arrived) == list(range(30))
    for call in range(3):
        mine = [number for number in arrived if number % 3 == call]
        assert mine == sorted(mine)
    assert now <= T + 4 * HOUR_S


def test_those_behind_one_that_was_given_up_for_its_age_get_one_attempt_each() -> None:
    waiting = queue(max_age_s=HOUR_S)
    for number in range(3):
        waiting.add(job(number))
    now = T + 2 * HOUR_S
    for number in range(3):
        (one,) = take(waiting, now)
        assert one.number == number
        assert over(waiting, one, DOWN, now) is Fate.DEAD


def test_chance_adds_up_to_a_fifth() -> None:
    waiting = queue(chance=1.0)
    waiting.add(job(1))
    (one,) = take(waiting, T)
    over(waiting, one, DOWN, T)
    assert one.due_s == pytest.approx(T + 6.0)


@pytest.mark.parametrize("status", [429, 502, 504])
def test_W1_who_asks_for_less_rests_and_then_gets_one_at_a_time(status: int) -> None:
    waiting = queue(chance=1.0)
    for number in range(20):
        waiting.add(job(number, f"c-{number}"))
    taken = take(waiting, T)
    assert len(taken) == 8
    over(waiting, taken[0], Answer(status, "slowly"), T)
    for one in taken[1:]:
        over(waiting, one, DOWN, T)
    assert take(waiting, T + 4.9) == []
    assert waiting.next_s() == pytest.approx(T + 5.0)
    (probe,) = take(waiting, T + 5.0)
    assert take(waiting, T + 5.0) == []
    over(waiting, probe, OK, T + 5.0)
    assert len(take(waiting, T + 5.0)) == 8


def test_W1_what_was_in_flight_together_makes_one_rest() -> None:
    waiting = queue(chance=1.0)
    for number in range(20):
        waiting.add(job(number, f"c-{number}"))
    for one in take(waiting, T):
        over(waiting, one, Answer(502, "slowly"), T)
    assert waiting.next_s() == T + 5.0
    (probe,) = take(waiting, T + 5.0)
    over(waiting, probe, Answer(502, "slowly"), T + 5.0)
    assert waiting.next_s() == T + 15.0, "it is longer each time"


def test_W1_the_longest_pause_that_was_asked_for_is_kept() -> None:
    waiting = queue()
    for number in range(2):
        waiting.add(job(number, f"c-{number}"))
    for one, asked_s in zip(take(waiting, T), (20.0, 60.0), strict=True):
        over(waiting, one, Answer(503, "busy", asked_s), T)
    assert waiting.next_s() == T + 60.0


def test_W1_retry_after_is_kept() -> None:
    waiting = queue()
    waiting.add(job(1))
    waiting.add(job(2, "c-2"))
    (one, two) = take(waiting, T)
    over(waiting, one, Answer(503, "busy", 120.0), T)
    over(waiting, two, DOWN, T)
    assert one.due_s == T + 120.0
    assert take(waiting, T + 119.0) == []
    assert numbers(take(waiting, T + 120.0)) == [2]


def test_W1_410_ends_it_all() -> None:
    waiting = queue()
    for number, call_id in enumerate(["a", "a", "b", "b", "c"]):
        waiting.add(job(number, call_id))
    a, b, c = take(waiting, T)
    assert over(waiting, a, Answer(410, "gone"), T) is Fate.DEAD
    assert waiting.disabled
    assert numbers(waiting.give_up_all()) == [1, 3]
    assert take(waiting, T) == []
    assert over(waiting, b, OK, T) is Fate.DELIVERED
    assert over(waiting, c, DOWN, T) is Fate.DEAD
    assert (waiting.waiting, waiting.bytes, waiting.in_flight) == (0, 0, 0)


def test_what_we_could_not_try_is_no_attempt() -> None:
    waiting = queue()
    waiting.add(job(1))
    (one,) = take(waiting, T)
    waiting.put_back([one], T + 1)
    assert take(waiting, T) == []
    assert take(waiting, T + 1) == [one]
    assert one.attempts == 0


def test_what_is_due_earlier_on_disk_is_tried_then_and_what_is_new_there_is_added() -> None:
    waiting = queue()
    waiting.add(job(1))
    waiting.add(job(2))
    (one,) = take(waiting, T)
    over(waiting, one, Answer(503, "busy", 3600.0), T)
    assert take(waiting, T + 60) == []
    on_disk = [Job(1, "c-1", T, 100, attempts=1, due_s=0.0), job(2), job(3, "c-2")]
    waiting.update(on_disk, T + 60)
    assert waiting.next_s() == 0.0
    assert take(waiting, T + 60) == [one], "one at a time: it has asked for less"
    assert over(waiting, one, OK, T + 60) is Fate.DELIVERED
    assert numbers(take(waiting, T + 60)) == [2, 3]
    waiting.update([job(2), job(3, "c-2")], T + 60)
    assert take(waiting, T + 60) == [], "those that are under way are known"
    assert waiting.waiting == 2


def test_W1_a_pause_that_a_wrong_clock_has_left_on_disk_ends() -> None:
    waiting = queue()
    waiting.update([Job(1, "c-1", T, 100, attempts=1, due_s=T + 1e9)], T)
    assert waiting.next_s() == T + 86_400.0


@pytest.mark.parametrize("jump_s", [-1e8, 1e8])
def test_W1_a_clock_that_is_set_changes_no_pause(jump_s: float) -> None:
    waiting = queue()
    for number, call_id in enumerate("ab"):
        waiting.add(job(number, call_id))
    a, b = take(waiting, T)
    over(waiting, a, DOWN, T)
    waiting.shift(jump_s)
    now = T + jump_s
    assert take(waiting, now + 4.9) == []
    assert waiting.next_s() == pytest.approx(now + 5.0)
    assert take(waiting, now + 5.1) == [a]
    assert over(waiting, a, DOWN, now + 5.1) is Fate.LATER, "it is no older than it was"
    assert over(waiting, b, OK, now + 5.1) is Fate.DELIVERED


ANSWERS = st.sampled_from(
    [OK, OK, DOWN, Answer(500, "x"), Answer(429, "x"), Answer(503, "x", 30.0), Answer(302, "x")]
)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_whatever_happens(data: st.DataObject, parallel: int, chance: random.Random) -> None:
    """Of each call one is in flight, in order; each job ends once; the clock is respected."""
    waiting = EndpointQueue(RETRY_S[:4], parallel=parallel, max_age_s=HOUR_S, random=chance.random)
    now, added, ended, flying = T, 0, dict[int, Fate](), list[Job]()
    last = dict[str, int]()

    def finish(answer: Answer) -> None:
        one = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        fate = over(waiting, one, answer, now)
        assert one.attempts <= 4
        if fate is Fate.LATER:
            assert one.due_s >= now
        else:
            assert one.number not in ended
            assert last.get(one.call_id, -1) < one.number, "in the order of its call"
            ended[one.number], last[one.call_id] = fate, one.number

    for _ in range(data.draw(st.integers(1, 60))):
        act = data.draw(st.sampled_from(["add", "take", "over", "wait"]))
        if act == "add":
            waiting.add(job(added, data.draw(st.sampled_from("abc")), now))
            added += 1
        elif act == "take":
            taken = take(waiting, now)
            assert all(one.due_s <= now for one in taken)
            flying += taken
            assert len(flying) <= parallel
            assert len({one.call_id for one in flying}) == len(flying)
        elif act == "over" and flying:
            finish(data.draw(ANSWERS))
        else:
            now += data.draw(st.sampled_from([0.1, 7.0, 400.0]))
    for _ in range(10_000):
        flying += take(waiting, now)
        if flying:
            finish(OK)
        elif (due := waiting.next_s()) is None:
            break
        else:
            now = max(now, due)
    assert sorted(ended) == list(range(added)), "each once, and none is left"
    assert (waiting.waiting, waiting.bytes, waiting.in_flight) == (0, 0, 0)
