"""Slots of engines: what takes one, what gives it back, and who waits for it."""

from __future__ import annotations

from sipua.queue.orders import QueueNews, QueueRefused, QueueTurn
from sipua.queue.queues import Queues
from sipua.queue.settings import QueueSettings
from sipua.queue.slots import EngineSlots

SALES, HELP = QueueSettings("sales", max_calls=9), QueueSettings("help", max_calls=9)


def full(limit: int = 1, *queues: QueueSettings) -> Queues:
    made = Queues(queues or (SALES, HELP))
    made.slots.use({"fast": limit})
    return made


def turns(news: list[QueueNews]) -> list[str]:
    return [one.call_id for one in news if isinstance(one, QueueTurn)]


def test_an_engine_has_a_slot_for_each_call_and_not_for_each_session() -> None:
    slots = EngineSlots()
    slots.use({"fast": 1})
    assert (slots.room("fast"), slots.room("other")) == (True, True)
    slots.take("a", "fast")
    slots.take("a", "fast")  # reconnected
    assert (slots.room("fast"), slots.taken("fast")) == (False, 1)
    slots.take("a", "other")  # the first is lost
    assert (slots.taken("fast"), slots.taken("other")) == (0, 1)
    slots.take("b", "fast")
    slots.take("c", "fast")  # behind a menu
    assert slots.taken("fast") == 2, "counted beyond its limit"
    assert slots.give_back("b")
    assert not slots.give_back("b")
    assert not slots.room("fast")


def test_a_late_word_of_an_engine_takes_no_slot() -> None:
    slots = EngineSlots()
    slots.take("a", "fast")
    slots.leave("a")
    slots.give_back("a")
    slots.take("a", "fast")
    assert slots.taken("fast") == 0
    slots.over("a")
    assert len(slots) == 0


def test_callers_of_all_queues_wait_for_a_slot_of_the_same_engine() -> None:
    queues = full()
    assert turns(queues.join("a", "sales", 0, engine="fast")) == ["a"]
    assert turns(queues.join("b", "sales", 1, engine="fast")) == []
    assert turns(queues.join("c", "help", 2, engine="fast")) == []
    assert turns(queues.join("d", "help", 3, engine="slow")) == ["d"], "another engine has room"
    assert turns(queues.leave("a", 4)) == ["b"]
    assert turns(queues.leave("b", 5)) == ["c"], "who waits longest, in whichever queue"
    assert queues.slots.taken("fast") == 1


def test_a_call_that_has_come_without_a_queue_is_waited_for_as_well() -> None:
    queues = full()
    queues.slots.take("direct", "fast")
    assert turns(queues.join("a", "sales", 0, engine="fast")) == []
    assert turns(queues.leave("direct", 1)) == ["a"]


def test_who_goes_to_another_queue_leaves_the_slot_there() -> None:
    queues = full(1, SALES, QueueSettings("help", max_calls=9, max_callers=0))
    queues.join("a", "sales", 0, engine="fast")
    queues.join("b", "sales", 0, engine="fast")
    news = queues.join("a", "help", 1, engine="fast")
    assert news == [QueueTurn("b"), QueueRefused("a", "full")], "who has waited longer comes first"
    assert queues.join("c", "help", 2, engine="fast") == [QueueRefused("c", "full")]


def test_the_agent_leaves_for_good_when_a_person_has_the_call() -> None:
    queues = full()
    queues.slots.take("direct", "fast")
    queues.join("a", "sales", 0, engine="fast")
    assert turns(queues.agent_left("direct", 1)) == ["a"]
    queues.slots.take("direct", "fast")
    assert queues.slots.taken("fast") == 1


def test_an_engine_that_is_lost_leaves_its_slot_and_no_caller_loses_the_place() -> None:
    queues = full()
    queues.join("a", "sales", 0, engine="fast")
    queues.join("b", "sales", 0, engine="fast")
    assert queues.agent_lost("b", 1) == [], "it waits"
    assert turns(queues.agent_lost("a", 2)) == ["b"]


def test_another_limit_counts_at_once() -> None:
    queues = full()
    for call in ("a", "b", "c"):
        queues.join(call, "sales", 0, engine="fast")
    queues.slots.use({"fast": 2})
    assert turns(queues.use((SALES,), 1)) == ["b"]
    queues.slots.use({})
    assert turns(queues.use((SALES,), 2)) == ["c"]
