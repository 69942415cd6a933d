"""Who waits, and whose turn it is: joins, answers and times in, news for calls out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from sipua.queue.estimate import LEAST, Estimate
from sipua.queue.orders import QueueNews, QueueOffer, QueuePlace, QueueRefused, QueueTurn
from sipua.queue.presence import Presence, PresenceState
from sipua.queue.queues import Queues, QueueState
from sipua.queue.settings import Member, QueueSettings, Strategy

AGENT = QueueSettings("agent", max_calls=2, max_callers=3)
ANNA, BEN, CLEO = (Member(name, f"sip:{name}@pbx") for name in ("anna", "ben", "cleo"))
PRESENCES: Sequence[PresenceState] = ("signed_in", "signed_in", "paused", "signed_out")
PEOPLE = QueueSettings(
    "people", members=(ANNA, BEN, CLEO), wrap_up_s=5, retry_s=30, ring_s=20, max_callers=9
)


def people(strategy: Strategy, **more: float) -> Queues:
    return Queues([replace(PEOPLE, strategy=strategy, **more)])  # type: ignore[arg-type]


def turns(news: Sequence[QueueNews]) -> list[str]:
    return [one.call_id for one in news if isinstance(one, QueueTurn)]


def places(news: Sequence[QueueNews]) -> dict[str, int]:
    return {one.call_id: one.position for one in news if isinstance(one, QueuePlace)}


def offers(news: Sequence[QueueNews]) -> dict[str, list[str]]:
    return {one.call_id: list(one.members) for one in news if isinstance(one, QueueOffer)}


def said(state: PresenceState) -> Presence:
    return Presence(state, "", 1.0)


def doing(state: QueueState) -> dict[str, str]:
    return {one.name: one.state for one in state.members}


def offer(news: Sequence[QueueNews]) -> QueueOffer:
    (one,) = [one for one in news if isinstance(one, QueueOffer)]
    return one


# --- an agent's slots -------------------------------------------------------------------------


def test_a_free_slot_is_taken_at_once_and_a_full_agent_is_waited_for() -> None:
    queues = Queues([AGENT])
    assert turns(queues.join("a", "agent", 0)) == ["a"]
    assert turns(queues.join("b", "agent", 1)) == ["b"]
    assert queues.join("c", "agent", 2) == [QueuePlace("c", 1, None)]
    assert queues.join("d", "agent", 3) == [QueuePlace("d", 2, None)]
    news = queues.leave("a", 10)
    assert turns(news) == ["c"]
    assert places(news) == {"d": 1}, "and the next one knows"
    assert turns(queues.leave("b", 11)) == ["d"]
    assert queues.leave("b", 12) == [], "said twice: by the call, and by its end"
    queues.leave("c", 13)
    queues.leave("d", 13)
    assert len(queues) == 0


def test_first_come_first_served_and_the_priority_before() -> None:
    queues = Queues([replace(AGENT, max_calls=1, max_callers=9)])
    queues.join("talks", "agent", 0)
    for name, priority in (("a", 0), ("b", 0), ("vip", 5), ("c", 0)):
        queues.join(name, "agent", 1, priority=priority)
    served = []
    last = "talks"
    for at in range(4):
        (last,) = turns(queues.leave(last, 2 + at))
        served.append(last)
    assert served == ["vip", "a", "b", "c"]


def test_who_joins_before_another_is_told_as_well() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    queues.join("talks", "agent", 0)
    queues.join("a", "agent", 1)
    assert places(queues.join("vip", "agent", 2, priority=1)) == {"vip": 1, "a": 2}


def test_a_caller_who_gives_up_leaves_the_place_to_the_others() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    for name in ("talks", "a", "b", "c"):
        queues.join(name, "agent", 0)
    assert places(queues.leave("a", 5)) == {"b": 1, "c": 2}
    assert places(queues.leave("c", 6)) == {}


def test_a_full_queue_refuses_and_one_that_is_not_there() -> None:
    queues = Queues([AGENT])
    for name in ("1", "2", "a", "b", "c"):
        queues.join(name, "agent", 0)
    assert queues.join("d", "agent", 1) == [QueueRefused("d", "full")]
    assert queues.join("d", "nowhere", 1) == [QueueRefused("d", "unknown")]
    assert len(queues) == 5


def test_a_queue_in_which_nobody_may_wait_is_a_limit() -> None:
    queues = Queues([replace(AGENT, max_calls=1, max_callers=0)])
    assert turns(queues.join("a", "agent", 0)) == ["a"]
    assert queues.join("b", "agent", 1) == [QueueRefused("b", "full")]


def test_the_agent_has_left_and_the_call_goes_on_with_a_target() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    queues.join("a", "agent", 0)
    queues.join("b", "agent", 0)
    assert turns(queues.agent_left("a", 5)) == ["b"]
    assert queues.agent_left("a", 6) == []
    assert queues.agent_left("never", 6) == []


def test_a_supervisor_takes_the_place_of_a_member_who_is_free_then() -> None:
    queues = Queues([PEOPLE])
    queues.offer_ended("a", offer(queues.join("a", "people", 0)).offer, ANNA.name, (), 1)
    queues.taken_over("a", 5)
    (state,) = queues.states(5)
    assert doing(state)[ANNA.name] != "talking"


def test_to_join_is_to_leave_what_was_before() -> None:
    queues = Queues([replace(AGENT, max_calls=1), PEOPLE])
    queues.join("a", "agent", 0)
    queues.join("b", "agent", 0)
    news = queues.join("a", "people", 5)
    assert turns(news) == ["b"]
    assert list(offers(news)) == ["a"]


# --- people -----------------------------------------------------------------------------------


def test_ring_all_calls_all_who_are_free_and_the_first_answer_wins() -> None:
    queues = people("ring_all")
    first = queues.join("a", "people", 0)
    assert offers(first) == {"a": ["anna", "ben", "cleo"]}
    assert offers(queues.join("b", "people", 1)) == {}, "all ring"
    news = queues.offer_ended("a", offer(first).offer, "ben", [], 5)
    assert offers(news) == {"b": ["anna", "cleo"]}, "those who were called off ring for the next"
    assert places(news) == {"b": 1}
    (state,) = queues.states(6)
    assert doing(state) == {"anna": "ringing", "ben": "talking", "cleo": "ringing"}
    assert state.serving == 1


def test_in_order_is_a_hunt_group() -> None:
    queues = people("in_order")
    news = queues.join("a", "people", 0)
    tried = []
    for at in range(3):
        one = offer(news)
        tried += one.members
        news = queues.offer_ended("a", one.offer, "", one.members, at)
    assert tried == ["anna", "ben", "cleo"]
    assert offers(news) == {}, "all are left out for a while"
    assert queues.deadline(2) == 30, "the first who was busy is tried again then"
    assert offers(queues.expire(29.9)) == {}
    assert offers(queues.expire(30)) == {"a": ["anna"]}


def test_round_robin_begins_behind_the_last_one() -> None:
    queues = people("round_robin", wrap_up_s=0)
    called = []
    for at in range(5):
        name = f"call-{at}"
        one = offer(queues.join(name, "people", at * 10.0))
        called += one.members
        queues.offer_ended(name, one.offer, *one.members, [], at * 10.0)
        queues.leave(name, at * 10.0 + 5)
    assert called == ["anna", "ben", "cleo", "anna", "ben"]


def test_a_member_has_a_pause_behind_a_call() -> None:
    queues = people("in_order", members=(ANNA,))  # type: ignore[arg-type]
    one = offer(queues.join("a", "people", 0))
    queues.offer_ended("a", one.offer, "anna", [], 1)
    queues.join("b", "people", 2)
    assert offers(queues.leave("a", 10)) == {}, "wraps up"
    assert queues.deadline(10) == 15
    assert offers(queues.expire(15)) == {"b": ["anna"]}
    assert queues.deadline(15) is None


def test_a_member_who_was_not_reached_is_left_out_and_a_called_off_one_is_not() -> None:
    queues = people("ring_all")
    one = offer(queues.join("a", "people", 0))
    queues.join("b", "people", 0)
    news = queues.offer_ended("a", one.offer, "ben", ["anna"], 4)
    assert offers(news) == {"b": ["cleo"]}
    (state,) = queues.states(5)
    assert doing(state)["anna"] == "resting"


def test_a_caller_who_leaves_while_somebody_rings_frees_them_at_once() -> None:
    queues = people("ring_all")
    one = offer(queues.join("a", "people", 0))
    queues.join("b", "people", 1)
    assert offers(queues.leave("a", 2)) == {"b": ["anna", "ben", "cleo"]}
    assert queues.offer_ended("a", one.offer, "anna", [], 3) == [], "too late: it is nobody's"


def test_a_member_who_hangs_up_at_once_gives_the_caller_back_to_the_old_place() -> None:
    queues = people("in_order", members=(ANNA, BEN))  # type: ignore[arg-type]
    one = offer(queues.join("a", "people", 0))
    queues.join("b", "people", 1)  # rings ben
    queues.join("c", "people", 2)
    queues.offer_ended("a", one.offer, "anna", [], 5)
    news = queues.join("a", "people", 7, waited_s=7)
    assert places(news)["a"] == 1, "before those who came later"
    (state,) = queues.states(7)
    assert doing(state)["anna"] == "resting", "and is not called again for a while"


def test_a_person_in_two_queues_has_one_telephone() -> None:
    queues = Queues(
        [replace(PEOPLE, members=(ANNA,)), replace(PEOPLE, name="other", members=(ANNA,))]
    )
    one = offer(queues.join("a", "people", 0))
    assert offers(queues.join("b", "other", 1)) == {}
    queues.offer_ended("a", one.offer, "anna", [], 2)
    queues.leave("a", 10)
    assert offers(queues.expire(15)) == {"b": ["anna"]}


# --- a reload ---------------------------------------------------------------------------------


def test_a_reload_keeps_places_and_more_slots_count_at_once() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    for name in ("talks", "a", "b", "c"):
        queues.join(name, "agent", 0)
    news = queues.use([replace(AGENT, max_calls=3)], 5)
    assert turns(news) == ["a", "b"]
    assert places(news) == {"c": 1}


def test_a_queue_that_is_taken_out_serves_its_callers_to_the_end() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    for name in ("talks", "a", "b"):
        queues.join(name, "agent", 0)
    queues.use([], 5)
    assert [state.name for state in queues.states(5)] == ["agent"]
    assert turns(queues.leave("talks", 6)) == ["a"]
    assert turns(queues.leave("a", 7)) == ["b"]
    queues.leave("b", 8)
    assert queues.states(9) == []
    assert queues.join("c", "agent", 10) == [QueueRefused("c", "unknown")]


# --- the estimate -----------------------------------------------------------------------------


def test_nothing_is_estimated_before_some_were_served() -> None:
    estimate = Estimate()
    for _ in range(LEAST):
        assert estimate.wait_s(1, 2) is None
        estimate.served(60)
    assert estimate.wait_s(1, 2) == pytest.approx(30)
    assert estimate.wait_s(4, 2) == pytest.approx(120)
    assert estimate.wait_s(1, 0) is None


def test_the_estimate_follows_how_long_calls_last() -> None:
    queues = Queues([replace(AGENT, max_calls=1)])
    for at in range(5):
        queues.join(f"call-{at}", "agent", at * 100.0)
        queues.leave(f"call-{at}", at * 100.0 + 40)
    queues.join("talks", "agent", 1000)
    assert queues.join("a", "agent", 1001) == [QueuePlace("a", 1, pytest.approx(40))]


# --- whatever happens -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_lost_and_nobody_has_two_calls(seed: int) -> None:  # noqa: C901 (five steps)
    """A thousand random steps: slots and members never serve more than they can, and all is free in
    the end."""
    dice = random.Random(seed)
    queues = Queues(
        [AGENT, replace(PEOPLE, strategy=dice.choice(["ring_all", "round_robin", "in_order"]))]
    )
    waiting: set[str] = set()
    agent: set[str] = set()
    ringing: dict[str, QueueOffer] = {}
    talking: dict[str, str] = {}
    now = 0.0

    def take(news: Sequence[QueueNews]) -> None:
        for one in news:
            if isinstance(one, QueueTurn):
                waiting.discard(one.call_id)
                agent.add(one.call_id)
            elif isinstance(one, QueueOffer):
                assert one.call_id in waiting
                ringing[one.call_id] = one
            elif isinstance(one, QueueRefused):
                waiting.discard(one.call_id)
        assert len(agent) <= AGENT.max_calls
        rung = [name for one in ringing.values() for name in one.members]
        busy = [*rung, *talking.values()]
        assert len(busy) == len(set(busy)), "one telephone, one call"

    for step in range(1000):
        now += dice.random() * 3
        match dice.randrange(6):
            case 0 | 1:
                call = f"call-{step}"
                waiting.add(call)
                take(
                    queues.join(
                        call, dice.choice(["agent", "people"]), now, priority=dice.randrange(3)
                    )
                )
            case 2 if ringing:
                call = dice.choice(sorted(ringing))
                one = ringing.pop(call)
                failed = [name for name in one.members if dice.random() < 0.5]
                left = [name for name in one.members if name not in failed]
                answered = dice.choice([*left, ""]) if left else ""
                if answered:
                    waiting.discard(call)
                    talking[call] = answered
                take(queues.offer_ended(call, one.offer, answered, failed, now))
            case 3:
                every = sorted(waiting | agent | set(talking))
                if every:
                    call = dice.choice(every)
                    waiting.discard(call)
                    agent.discard(call)
                    ringing.pop(call, None)
                    talking.pop(call, None)
                    take(queues.leave(call, now))
            case 4:
                who = dice.choice([ANNA, BEN, CLEO]).target
                take(queues.set_presence(who, said(dice.choice(PRESENCES)), now))
            case _:
                take(queues.expire(now))
        assert len(queues) == len(waiting) + len(agent) + len(talking)
    for call in sorted(waiting | agent | set(talking)):
        ringing.pop(call, None)
        waiting.discard(call)
        agent.discard(call)
        talking.pop(call, None)
        take(queues.leave(call, now))
    assert len(queues) == 0
    for member in (ANNA, BEN, CLEO):
        queues.set_presence(member.target, said("signed_in"), now)
    assert all(one.state == "free" for state in queues.states(now + 100) for one in state.members)
    assert queues.deadline(now + 100) is None


# --- who takes callers ------------------------------------------------------------------------


def test_who_is_signed_out_or_in_a_pause_is_not_called() -> None:
    queues = people("ring_all")
    queues.set_presence(ANNA.target, said("signed_out"), 0)
    queues.set_presence(BEN.target, said("paused"), 0)
    news = queues.join("a", "people", 1)
    assert offers(news) == {"a": ["cleo"]}
    (state,) = queues.states(1)
    assert [one.state for one in state.members] == ["signed_out", "paused", "ringing"]
    assert state.servers == 2
    assert offers(queues.join("b", "people", 2)) == {}
    assert offers(queues.set_presence(BEN.target, said("signed_in"), 3)) == {"b": ["ben"]}


def test_a_call_that_is_up_goes_on_and_its_member_rests_in_no_queue() -> None:
    queues = people("in_order")
    queues.offer_ended("a", offer(queues.join("a", "people", 0)).offer, "anna", (), 1)
    queues.set_presence(ANNA.target, said("paused"), 2)
    assert queues.states(2)[0].members[0].state == "talking"
    queues.leave("a", 10)
    assert queues.states(99)[0].members[0].state == "paused", "beyond the wrap-up"
    queues.set_presence(ANNA.target, said("signed_in"), 12)
    assert queues.states(12)[0].members[0].state == "resting", "the wrap-up goes on"
    assert queues.states(16)[0].members[0].state == "free"


def test_time_alone_frees_nobody_who_is_in_a_pause() -> None:
    queues = people("in_order")
    for target in (ANNA.target, BEN.target, CLEO.target):
        queues.set_presence(target, said("paused"), 0)
    queues.join("a", "people", 1)
    assert queues.deadline(1) is None


def test_a_queue_that_is_left_when_it_is_empty() -> None:
    out = replace(CLEO, signed_in=False)
    queues = Queues([replace(PEOPLE, members=(ANNA, out), leaves_empty=True)])
    queues.offer_ended("a", offer(queues.join("a", "people", 0)).offer, "anna", (), 1)
    assert places(queues.join("b", "people", 2)) == {"b": 1}, "anna talks, and comes back"
    queues.set_presence(ANNA.target, said("paused"), 3)
    assert places(queues.join("c", "people", 4)) == {"c": 2}, "as behind a pause"
    news = queues.set_presence(ANNA.target, said("signed_out"), 5)
    assert news == [QueueRefused("b", "empty"), QueueRefused("c", "empty")]
    assert queues.join("d", "people", 6) == [QueueRefused("d", "empty")]
    assert len(queues) == 1, "anna's caller"


def test_a_queue_that_is_not_left_is_waited_in() -> None:
    queues = Queues([replace(PEOPLE, members=(replace(ANNA, signed_in=False),))])
    assert places(queues.join("a", "people", 0)) == {"a": 1}
    assert offers(queues.set_presence(ANNA.target, said("signed_in"), 9)) == {"a": ["anna"]}


def test_what_was_known_counts_until_the_member_is_in_no_queue() -> None:
    queues = Queues([PEOPLE], {ANNA.target: said("signed_out"), "sip:gone@pbx": said("paused")})
    assert set(queues.presences) == {ANNA.target}
    queues.use([replace(PEOPLE, members=(BEN,))], 1)
    queues.use([PEOPLE], 2)
    assert queues.states(2)[0].members[0].state == "free"


def test_the_member_of_two_queues_is_one_person() -> None:
    queues = Queues([PEOPLE, replace(PEOPLE, name="night", members=(replace(ANNA, name="late"),))])
    queues.set_presence(ANNA.target, said("signed_out"), 0)
    assert queues.states(1)[1].members[0].state == "signed_out"
    assert queues.members()[ANNA.target] == [("people", "anna"), ("night", "late")]
