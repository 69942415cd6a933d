"""The caps of a trunk are kept, and what is taken comes back."""

import threading

from sipua.sip.trunks.slots import Full, Limits, TrunkSlots


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def slots(max_calls: int = 0, calls_per_second: int = 0) -> tuple[TrunkSlots, Clock]:
    clock = Clock()
    made = TrunkSlots(clock)
    made.use({"carrier": Limits(max_calls, calls_per_second)})
    return made, clock


def test_both_directions_share_the_calls_at_once() -> None:
    made, _ = slots(max_calls=2)
    assert made.take("carrier", "a", "incoming") is None
    assert made.take("carrier", "b", "outgoing") is None
    full = made.take("carrier", "c", "incoming")
    assert full == Full("carrier", "max_calls", 2, 5.0)
    assert str(full) == "max_calls of trunk carrier is 2"
    assert made.room("carrier") == full
    made.give_back("a")
    made.give_back("a")
    made.give_back("never taken")
    assert made.calls("carrier") == 1
    assert made.take("carrier", "c", "incoming") is None
    assert made.take("other", "d", "incoming") is None, "no limit is known of it"


def test_a_call_that_takes_twice_has_one_slot() -> None:
    made, _ = slots(max_calls=5)
    made.take("carrier", "a", "outgoing")
    made.take("carrier", "a", "outgoing")
    assert made.calls("carrier") == 1


def test_no_second_has_more_beginnings_than_allowed() -> None:
    made, clock = slots(calls_per_second=2)
    taken = []
    for number in range(60):
        clock.now = 100.0 + number * 0.1
        if made.take("carrier", str(number), "outgoing") is None:
            taken.append(clock.now)
    for first, third in zip(taken, taken[2:], strict=False):
        assert third - first >= 1.0 - 1e-9
    assert len(taken) >= 10


def test_each_direction_has_a_rate_of_its_own_and_looking_costs_nothing() -> None:
    made, clock = slots(calls_per_second=1)
    assert made.full("carrier", "incoming") is None
    assert made.full("carrier", "incoming") is None
    assert made.take("carrier", "a", "incoming") is None
    assert made.take("carrier", "b", "outgoing") is None
    clock.now += 0.4
    full = made.full("carrier", "incoming")
    assert full is not None
    assert (full.rule, round(full.retry_after_s, 3)) == ("calls_per_second", 0.6)
    assert made.room("carrier") is None, "an OPTIONS in a busy second is answered with 200"
    made.give_back("a")
    assert made.full("carrier", "incoming") is not None, "a short call has begun, too"


def test_a_reload_counts_what_is_up() -> None:
    made, _ = slots()
    for call_id in "abc":
        made.take("carrier", call_id, "incoming")
    made.use({"carrier": Limits(2, 0)})
    assert made.take("carrier", "d", "incoming") is not None
    made.use({})
    assert made.take("carrier", "d", "incoming") is None
    for call_id in "abcd":
        made.give_back(call_id)
    assert made.calls("carrier") == 0


def test_threads_do_not_take_more_than_there_is() -> None:
    made, _ = slots(max_calls=50)
    won: list[str] = []

    def run(name: str) -> None:
        names = [f"{name}{number}" for number in range(100)]
        won.extend(one for one in names if made.take("carrier", one, "incoming") is None)

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == made.calls("carrier") == 50


def test_two_calls_change_their_ids() -> None:
    made, _ = slots()
    made.take("carrier", "a", "incoming")
    made.take("other", "b", "outgoing")
    made.exchange("a", "b")
    made.give_back("b")
    assert (made.calls("carrier"), made.calls("other")) == (0, 1)
    made.exchange("a", "c")
    made.give_back("a")
    assert made.calls("other") == 1
    made.give_back("c")
    assert made.calls("other") == 0
