"""What is decided about workers, with a clock of the test's own."""

from __future__ import annotations

from sipua.edge.workers.supervisor import (
    HOPELESS_DEATHS,
    LONGEST_WAIT_S,
    MOST_MISTRUST,
    READY_WITHIN_S,
    SILENT_S,
    STEADY_S,
    Act,
    Ask,
    Kill,
    Start,
    State,
    Supervisor,
)
from sipua.worker.link.silence import CHECK_EVERY_S


class Workers:
    """Workers that answer, unless they are among the `silent`."""

    def __init__(self, count: int, *, memory_bytes: int = 0) -> None:
        self.supervisor = Supervisor(count, memory_bytes=memory_bytes)
        self.now = 1000.0
        self.silent: set[int] = set()
        self.started: list[tuple[float, int]] = []
        self.killed: list[tuple[float, int]] = []

    def run(self, for_s: float) -> None:
        until = self.now + for_s
        while self.now < until - 1e-9:
            self.do(list(self.supervisor.check(self.now)))
            self.now += CHECK_EVERY_S

    def do(self, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case Start():
                    self.started.append((self.now, act.worker))
                case Ask() if act.worker not in self.silent:
                    self.supervisor.heard(act.worker)
                case Kill():
                    self.killed.append((self.now, act.worker))

    def up(self) -> None:
        """Start those that are due, and have them ready at once."""
        self.run(CHECK_EVERY_S)
        for slot in self.supervisor.slots.values():
            self.supervisor.ready(slot.number, self.now)

    def die(self, worker: int, how: str = "killed by signal 9") -> str:
        return self.supervisor.exited(worker, how, self.now).cause

    @property
    def states(self) -> list[State]:
        return [slot.state for slot in self.supervisor.slots.values()]


def test_all_are_started_at_once_and_take_calls_when_they_are_ready() -> None:
    workers = Workers(3)
    assert workers.supervisor.choose() is None
    assert workers.supervisor.missing_s(workers.now) > 0
    workers.run(5)
    assert workers.started == [(1000.0, 1), (1000.0, 2), (1000.0, 3)]
    assert workers.supervisor.choose() is None
    workers.supervisor.ready(2, workers.now)
    assert workers.supervisor.choose() == 2
    assert workers.supervisor.missing_s(workers.now) == 0
    workers.run(30)
    assert workers.states == [State.STARTING, State.READY, State.STARTING]


def test_the_one_with_the_fewest_calls_takes_the_next() -> None:
    workers = Workers(3)
    workers.up()
    chosen = [workers.supervisor.choose() for _ in range(6)]
    assert chosen == [1, 2, 3, 1, 2, 3]
    workers.supervisor.over(2)
    assert [workers.supervisor.choose() for _ in range(2)] == [2, 1]


def test_one_that_fails_its_calls_does_not_get_all_of_them() -> None:
    workers = Workers(2)
    workers.up()
    chosen = []
    for _ in range(20):
        worker = workers.supervisor.choose()
        assert worker is not None
        chosen.append(worker)
        if worker == 1:  # it has no descriptor left, and is rid of the call at once
            workers.supervisor.call_ended(1, failed=True)
            workers.supervisor.over(1)
    assert chosen.count(1) == 10, "as if it had them, and not all"
    workers.supervisor.call_ended(1, failed=False)
    assert workers.supervisor.choose() == 1


def test_mistrust_has_an_end() -> None:
    workers = Workers(2)
    workers.up()
    for _ in range(1000):
        workers.supervisor.call_ended(1, failed=True)
    chosen = [workers.supervisor.choose() for _ in range(MOST_MISTRUST + 2)]
    assert chosen.count(1) == 1


def test_H10_one_that_says_nothing_is_killed_within_5_s() -> None:
    workers = Workers(2)
    workers.up()
    workers.run(60)
    assert workers.killed == []
    workers.silent = {2}
    stopped = workers.now
    workers.run(10)
    ((killed, worker),) = workers.killed
    assert worker == 2
    assert killed - stopped <= 5
    assert workers.states == [State.READY, State.ENDING]
    assert workers.die(2) == f"it has said nothing for {SILENT_S:g} s"


def test_H10_the_calls_of_one_that_said_nothing_were_over_before_it_was_seen() -> None:
    workers = Workers(2)
    workers.up()
    workers.run(60)
    workers.silent = {2}
    stopped = workers.now
    workers.run(10)
    workers.die(2)
    assert abs(workers.supervisor.slots[2].ended_at - stopped) <= CHECK_EVERY_S
    workers.die(1)
    assert workers.supervisor.slots[1].ended_at == workers.now


def test_H10_one_that_is_doubted_gets_no_call_while_another_answers() -> None:
    workers = Workers(2)
    workers.up()
    workers.silent = {1}
    workers.run(2)
    assert [workers.supervisor.choose() for _ in range(4)] == [2, 2, 2, 2]
    workers.silent = {1, 2}
    workers.run(2)
    assert workers.supervisor.choose() == 1, "the fewest calls, as none is better"


def test_an_edge_that_was_stopped_itself_kills_nobody() -> None:
    workers = Workers(1)
    workers.up()
    workers.run(5)
    workers.now += 3600
    workers.run(60)
    assert workers.killed == []


def test_one_that_is_never_ready_is_killed() -> None:
    workers = Workers(1)
    workers.run(READY_WITHIN_S + 5)
    assert workers.killed == [(1000.0 + READY_WITHIN_S, 1)]
    assert "not ready within" in workers.die(1)


def test_H10_too_much_memory() -> None:
    workers = Workers(2, memory_bytes=500_000_000)
    workers.up()
    workers.do(list(workers.supervisor.uses(1, 500_000_000, workers.now)))
    assert workers.killed == []
    workers.do(list(workers.supervisor.uses(1, 501_000_000, workers.now)))
    assert [worker for _, worker in workers.killed] == [1]
    assert workers.die(1) == "it has 501 MB, and may have 500"
    unlimited = Workers(1)
    unlimited.up()
    assert list(unlimited.supervisor.uses(1, 10**12, unlimited.now)) == []


def test_a_fault_of_the_link_is_the_cause_and_its_end_is_not() -> None:
    workers = Workers(2)
    workers.up()
    workers.do(list(workers.supervisor.fault(1, "not a message: x", workers.now)))
    workers.do(list(workers.supervisor.fault(1, "and again", workers.now)))
    assert [worker for _, worker in workers.killed] == [1], "once"
    assert workers.die(1) == "not a message: x"
    workers.do(list(workers.supervisor.fault(2, "", workers.now)))
    assert workers.die(2) == "killed by signal 9"


def test_H10_one_that_had_lived_is_replaced_at_once() -> None:
    workers = Workers(1)
    for _ in range(10):
        workers.up()
        workers.run(STEADY_S)
        workers.started.clear()
        died = workers.now
        workers.die(1)
        workers.run(CHECK_EVERY_S)
        assert workers.started == [(died, 1)]
    assert workers.supervisor.slots[1].deaths == 10


def test_H10_repeated_deaths_back_off() -> None:
    workers = Workers(1)
    waits = []
    for _ in range(12):
        workers.up()
        workers.run(10)  # it lived for a while: there is hope
        died = workers.now
        workers.die(1)
        workers.started.clear()
        while not workers.started:
            workers.run(CHECK_EVERY_S)
        waits.append(workers.started[0][0] - died)
    assert waits[:7] == [0, 0.5, 1, 2, 4, 8, 16]
    assert set(waits[7:]) == {LONGEST_WAIT_S}
    assert not workers.supervisor.hopeless


def test_H10_the_wait_stays_within_its_bound_for_ever() -> None:
    workers = Workers(1)
    for _ in range(3000):
        workers.supervisor.exited(1, "it ended with exit code 1", workers.now)
    assert workers.supervisor.slots[1].since == workers.now + LONGEST_WAIT_S


def test_H10_when_no_worker_lives_there_is_no_hope() -> None:
    workers = Workers(2)
    for death in range(HOPELESS_DEATHS):
        assert not workers.supervisor.hopeless, death
        while workers.states != [State.STARTING] * 2:
            workers.run(CHECK_EVERY_S)
        workers.die(1)
        assert not workers.supervisor.hopeless
        workers.die(2)
    assert workers.supervisor.hopeless
    assert workers.supervisor.missing_s(workers.now) > 1


def test_H10_one_that_lives_is_hope_for_all() -> None:
    workers = Workers(2)
    workers.up()
    for _ in range(2 * HOPELESS_DEATHS):
        while workers.states[0] != State.STARTING:
            workers.die(1) if workers.states[0] == State.READY else workers.run(CHECK_EVERY_S)
        workers.die(1)
    assert not workers.supervisor.hopeless
    assert workers.supervisor.choose() == 2
