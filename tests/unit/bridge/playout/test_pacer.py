"""The shared timer by a clock that a test moves: how busy this machine is plays no part."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from sipua.bridge.playout import pacer as pacer_module
from sipua.bridge.playout.pacer import Callback, Handle, Pacer

NS = 1_000_000_000
FRAME_S = 0.02
SLOT_S = 0.002


class Machine:
    """Clock and timer. Each wake-up is `late_s` later than the timer was set for."""

    def __init__(self) -> None:
        self.now_ns = 1000 * NS
        self.late_s = 0.0
        self._armed_ns: int | None = None
        self._wake: Callable[[], None] = lambda: None

    @property
    def now_s(self) -> float:
        return self.now_ns / NS

    def make_timer(self, _: object, callback: Callable[[], None], *, use_timerfd: bool) -> object:
        assert use_timerfd
        self._wake = callback
        return self

    def arm(self, when_ns: int) -> None:
        self._armed_ns = when_ns

    def close(self) -> None:
        self._armed_ns = None

    def run(self, seconds: float) -> None:
        end_ns = self.now_ns + round(seconds * NS)
        while self._armed_ns is not None and self._armed_ns <= end_ns:
            self.now_ns = max(self.now_ns, self._armed_ns + round(self.late_s * NS))
            self._armed_ns = None
            self._wake()
        self.now_ns = max(self.now_ns, end_ns)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(pacer_module, "time", SimpleNamespace(monotonic_ns=lambda: machine.now_ns))
    monkeypatch.setattr(pacer_module, "make_timer", machine.make_timer)
    return machine


def every_20_ms(times: list[float], start: float) -> Callback:
    def callback(now: float) -> float:
        times.append(now)
        return start + len(times) * FRAME_S

    return callback


@pytest.mark.parametrize("late_s", [0.0, 0.0007, 0.009])
async def test_absolute_deadlines_do_not_drift(machine: Machine, late_s: float) -> None:
    pacer = Pacer()
    machine.late_s = late_s
    times: list[float] = []
    start = machine.now_s + 0.005
    pacer.add(every_20_ms(times, start), start)
    machine.run(60)
    assert len(times) == 3000
    lateness = [now - (start + n * FRAME_S) for n, now in enumerate(times)]
    assert min(lateness) > late_s - SLOT_S / 2 - 1e-6
    assert max(lateness) < late_s + SLOT_S / 2 + 1e-6


async def test_many_calls_share_wake_ups(machine: Machine) -> None:
    pacer = Pacer()
    lists: list[list[float]] = [[] for _ in range(200)]
    base = machine.now_s + 0.005
    for index, times in enumerate(lists):
        start = base + index * 0.0001
        pacer.add(every_20_ms(times, start), start)
    machine.run(1)
    counters = pacer.counters()
    assert min(len(times) for times in lists) >= 48
    assert counters["callbacks"] == sum(len(times) for times in lists)
    assert counters["wakeups"] <= 1 / SLOT_S
    assert counters["handles"] == 200
    assert counters["stalls"] == 0


async def test_cancelled_handles_are_not_called(machine: Machine) -> None:
    pacer = Pacer()
    times: list[float] = []
    start = machine.now_s + 0.01
    handle = pacer.add(every_20_ms(times, start), start)
    handle.cancel()
    handle.cancel()
    handle.reschedule(start)
    machine.run(1)
    assert times == []
    assert pacer.counters()["handles"] == 0


async def test_a_callback_may_cancel_itself_and_others(machine: Machine) -> None:
    pacer = Pacer()
    handles: list[Handle] = []
    calls: list[int] = []

    def callback_of(index: int) -> Callable[[float], float]:
        def callback(now: float) -> float:
            calls.append(index)
            for handle in handles:
                handle.cancel()
            return now + FRAME_S

        return callback

    due = machine.now_s + 0.01
    handles.extend(pacer.add(callback_of(index), due) for index in range(5))
    machine.run(1)
    assert calls == [0]


async def test_reschedule_moves_the_deadline_both_ways(machine: Machine) -> None:
    pacer = Pacer()
    times: list[float] = []
    now = machine.now_s
    handle = pacer.add(every_20_ms(times, now + 0.03), now + 0.5)
    handle.reschedule(now + 0.01)
    handle.reschedule(now + 0.5)
    handle.reschedule(now + 0.03)
    machine.run(0.028)
    assert times == []
    machine.run(0.004)
    assert times == [pytest.approx(now + 0.03, abs=SLOT_S / 2)]


async def test_a_deadline_in_the_past_is_called_soon_and_cannot_spin(machine: Machine) -> None:
    pacer = Pacer()
    times: list[float] = []

    def callback(now: float) -> float:
        times.append(now)
        return 0.0

    pacer.add(callback, 0.0)
    machine.run(0.1)
    assert 1 <= len(times) <= 0.1 / SLOT_S + 1


async def test_H7_after_a_stall_each_call_is_called_once_and_it_is_counted(
    machine: Machine,
) -> None:
    pacer = Pacer()
    times: list[float] = []
    others: list[float] = []
    start = machine.now_s + 0.01

    def skipping(seen: list[float]) -> Callback:
        def callback(now: float) -> float:
            seen.append(now)
            missed = int((now - start + SLOT_S) / FRAME_S)  # it may come half a slot early
            return start + (missed + 1) * FRAME_S

        return callback

    pacer.add(skipping(times), start)
    pacer.add(skipping(others), start + 0.007)
    machine.run(0.05)
    before = len(times), len(others)
    machine.now_ns += NS // 2  # the process got no time, or something blocked the loop
    machine.run(0.001)
    assert (len(times) - before[0], len(others) - before[1]) == (1, 1)
    assert pacer.counters()["stalls"] == 2
    assert 480 <= pacer.counters()["max_late_ms"] <= 500
    machine.run(0.1)
    assert (len(times) - before[0], len(others) - before[1]) == (6, 6)


async def test_one_failing_callback_is_reported_and_the_others_go_on(machine: Machine) -> None:
    pacer = Pacer()
    reported: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    times: list[float] = []
    due = machine.now_s + 0.01

    def failing(now: float) -> float:
        raise ValueError(f"at {now}")

    pacer.add(failing, due)
    pacer.add(every_20_ms(times, due), due)
    machine.run(0.1)
    assert len(times) == 5
    assert [type(context["exception"]) for context in reported] == [ValueError]
    assert pacer.counters()["handles"] == 1


@pytest.mark.parametrize("use_timerfd", [True, False], ids=["timerfd", "loop"])
async def test_on_a_real_clock(use_timerfd: bool) -> None:
    """With the timers that test_timer.py judges: called, and never early."""
    loop = asyncio.get_running_loop()
    pacer = Pacer(use_timerfd=use_timerfd)
    called = loop.create_future()
    due = loop.time() + 0.03

    def callback(now: float) -> float:
        called.set_result(now)
        return now + 3600

    pacer.add(callback, due)
    assert await asyncio.wait_for(called, 20) > due - SLOT_S / 2 - 1e-6
    pacer.close()
    pacer.close()
