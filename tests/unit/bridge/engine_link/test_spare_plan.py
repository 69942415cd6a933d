"""When spare connections are opened and given away, by the clock of the test."""

from __future__ import annotations

from sipua.bridge.engine_link.spare_plan import (
    LONGEST_WAIT_S,
    PROVEN_S,
    REFILL_S,
    VAIN_WAIT_S,
    SparePlan,
)

NEVER = float("inf")


def plan(wanted: int = 1, max_age_s: float = 300.0) -> SparePlan[str]:
    return SparePlan(wanted, max_age_s, lambda: 1.0)  # no wait is shortened by chance


def fit(_: str) -> bool:
    return True


def test_all_are_opened_at_the_start_and_none_too_many() -> None:
    spares = plan(3)
    assert spares.due() == 0.0
    assert spares.to_open(10.0) == 3
    assert spares.to_open(10.0) == 0
    for name in "abc":
        spares.opened(name, 10.5)
    assert spares.to_open(11.0) == 0
    assert (spares.waiting, spares.due()) == (3, 310.5)


def test_the_oldest_is_taken_and_another_one_is_opened_soon_after() -> None:
    spares = plan(2)
    spares.to_open(0.0)
    spares.opened("a", 0.0)
    spares.opened("b", 1.0)
    assert spares.take(fit, 10.0) == "a"
    assert spares.to_open(10.0) == 0, "the loop is the call's that took it"
    assert spares.due() == 10.0 + REFILL_S
    assert spares.take(fit, 10.04) == "b"
    assert spares.to_open(10.0 + REFILL_S) == 2, "the second call does not delay it"
    assert spares.take(fit, 10.06) is None
    assert spares.counters["used"] == 2
    assert spares.counters["missed"] == 1


def test_a_call_gets_none_that_is_unfit_or_old() -> None:
    spares = plan(2)
    spares.to_open(0.0)
    spares.opened("a", 0.0)
    spares.opened("b", 0.0)
    assert spares.take(lambda one: one != "a", 1.0) == "b"
    assert spares.take(fit, 300.0) is None
    assert spares.old(300.0) == ["a"]
    assert spares.to_open(300.0) == 2
    assert spares.counters["old"] == 1


def test_those_that_were_opened_together_are_not_all_replaced_together() -> None:
    chance = iter((0.0, 0.5))
    spares: SparePlan[str] = SparePlan(2, 100.0, lambda: next(chance))
    spares.to_open(0.0)
    spares.opened("a", 0.0)
    spares.opened("b", 0.0)
    assert spares.old(90.0) == ["a"]
    assert spares.due() == 0.0, "another one, at once"
    assert spares.to_open(90.0) == 1
    assert spares.due() == 95.0


def test_M1_refused_connections_are_tried_one_after_the_other_and_told_once() -> None:
    spares = plan(3)
    assert spares.to_open(0.0) == 3
    assert spares.failed(0.0, again=True)
    assert not spares.failed(0.0, again=True)
    assert not spares.failed(0.0, again=True)
    now, waits = 0.0, []
    for _ in range(8):
        assert spares.to_open(spares.due() - 0.01) == 0
        waits.append(spares.due() - now)
        now = spares.due()
        assert spares.to_open(now) == 1
        assert spares.due() == NEVER, "one at a time"
        assert not spares.failed(now, again=True)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
    now = spares.due()
    assert spares.to_open(now) == 1
    assert spares.opened("a", now), "that is news again"
    assert spares.to_open(now) == 2


def test_M1_a_key_that_is_refused_and_what_the_server_asks_for_are_heeded() -> None:
    spares = plan()
    spares.to_open(0.0)
    spares.failed(0.0, again=False)
    assert spares.due() == VAIN_WAIT_S
    spares.to_open(VAIN_WAIT_S)
    spares.failed(VAIN_WAIT_S, again=True, retry_after_s=1000.0)
    assert spares.due() == VAIN_WAIT_S + 1000.0


def test_a_call_that_got_through_ends_the_wait() -> None:
    spares = plan()
    spares.to_open(0.0)
    spares.failed(0.0, again=False)
    spares.reached(5.0)
    assert spares.due() == 5.0 + REFILL_S


def test_one_that_had_lived_is_replaced_soon_one_that_dies_early_later_each_time() -> None:
    spares = plan()
    spares.to_open(0.0)
    spares.opened("a", 0.0)
    assert not spares.lost("a", PROVEN_S), "vendors close connections: no news"
    assert spares.due() == PROVEN_S + REFILL_S
    now, waits, news = 100.0, [], []
    for _ in range(4):
        assert spares.to_open(now) == 1
        spares.opened("b", now)
        news.append(spares.lost("b", now + 1))
        waits.append(spares.due() - now - 1)
        now = spares.due()
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert news == [True, False, False, False]
    assert spares.counters["lost"] == 5
    assert not spares.lost("b", now), "told once"


def test_M2_when_a_session_fails_over_one_the_others_are_not_believed_either() -> None:
    spares = plan(3)
    spares.to_open(0.0)
    for name in "abc":
        spares.opened(name, 0.0)
    assert spares.take(fit, 5.0) == "a"
    assert spares.unfit(6.0) == ["b", "c"]
    assert (spares.waiting, spares.to_open(6.0)) == (0, 0)
    assert spares.due() == 7.0
    assert spares.to_open(7.0) == 3


def test_H1_at_the_end_all_are_given_back_and_none_is_opened() -> None:
    spares = plan(2)
    spares.to_open(0.0)
    spares.opened("a", 0.0)
    assert spares.end() == ["a"]
    assert (spares.to_open(1.0), spares.due(), spares.take(fit, 1.0)) == (0, NEVER, None)
    assert spares.counters["missed"] == 0
