"""A worker's totals: of calls that run, that end, and whose counts fall."""

from collections.abc import Iterable

import pytest

from sipua.process.loop_lag import LATE_S
from sipua.rtp.session.traffic import Traffic
from sipua.worker.figures import WorkerFigures


class Calls:
    def __init__(self) -> None:
        self.up: dict[str, Traffic] = {}
        self.figures = WorkerFigures(self.running, tuple, lambda: 2)

    def running(self) -> Iterable[tuple[str, Traffic]]:
        return self.up.items()

    def end(self, call_id: str, traffic: Traffic) -> None:
        del self.up[call_id]
        self.figures.ended(call_id, traffic)

    @property
    def total(self) -> Traffic:
        return self.figures.now().traffic


def test_packets_of_running_and_ended_calls_are_counted_once() -> None:
    calls = Calls()
    calls.up = {"a": Traffic(sent=10, received=9), "b": Traffic(sent=1)}
    assert calls.total == calls.total == Traffic(sent=11, received=9)
    calls.end("a", Traffic(sent=15, received=9))
    assert calls.total == Traffic(sent=16, received=9)
    calls.up["a"] = Traffic(sent=1)  # another call, whatever its name
    assert calls.total == Traffic(sent=17, received=9)


def test_a_lost_packet_that_came_after_all_takes_nothing_back() -> None:
    calls = Calls()
    for lost, total in ((1, 1), (0, 1), (1, 1), (2, 2)):
        calls.up = {"a": Traffic(lost=lost)}
        assert calls.total.lost == total
    calls.end("a", Traffic())
    assert calls.total.lost == 2


def test_lateness_is_counted_by_its_bounds() -> None:
    figures = Calls().figures
    for late_s in (0.0, LATE_S[0], LATE_S[0] * 1.01, LATE_S[-1] + 1):
        figures.loop_was_late(late_s)
    row = figures.now().loop_late
    assert (row[0], row[1], row[-2], len(row)) == (2, 1, 1, len(LATE_S) + 2)
    assert row[-1] == pytest.approx(LATE_S[0] * 2.01 + LATE_S[-1] + 1)


def test_what_it_has_is_there() -> None:
    now = Calls().figures.now()
    assert now.descriptors >= 3
    assert now.cpu_s > 0
    assert now.spares == 2
