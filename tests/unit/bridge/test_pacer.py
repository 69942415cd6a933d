"""The shared timer, on a real loop. Times are generous: machines that run tests are busy."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from sipua.bridge.pacer import Callback, Handle, Pacer

FRAME_S = 0.02


@pytest_asyncio.fixture(params=[True, False], ids=["timerfd", "loop"])
async def pacer(request: pytest.FixtureRequest) -> AsyncIterator[Pacer]:
    pacer = Pacer(use_timerfd=request.param)
    yield pacer
    pacer.close()


def every_20_ms(times: list[float], start: float) -> Callback:
    def callback(now: float) -> float:
        times.append(now)
        return start + len(times) * FRAME_S

    return callback


async def test_absolute_deadlines_do_not_drift(pacer: Pacer) -> None:
    times: list[float] = []
    start = time.monotonic() + 0.005
    handle = pacer.add(every_20_ms(times, start), start)
    await asyncio.sleep(0.6)
    handle.cancel()
    elapsed_s = time.monotonic() - start
    assert len(times) == pytest.approx(elapsed_s / FRAME_S, abs=2)
    lateness = sorted(now - (start + n * FRAME_S) for n, now in enumerate(times))
    assert lateness[0] > -0.0012  # the slots' grain
    assert lateness[len(lateness) // 2] < 0.005


async def test_many_calls_share_wake_ups(pacer: Pacer) -> None:
    lists: list[list[float]] = [[] for _ in range(200)]
    base = time.monotonic() + 0.005
    for index, times in enumerate(lists):
        start = base + index * 0.0001
        pacer.add(every_20_ms(times, start), start)
    await asyncio.sleep(0.5)
    counters = pacer.counters()
    assert counters["callbacks"] > 200 * 15
    assert counters["wakeups"] <= 500 * (time.monotonic() - base) + 20
    assert counters["handles"] == 200


async def test_cancelled_handles_are_not_called(pacer: Pacer) -> None:
    times: list[float] = []
    start = time.monotonic() + 0.01
    handle = pacer.add(every_20_ms(times, start), start)
    handle.cancel()
    handle.cancel()
    handle.reschedule(start)
    await asyncio.sleep(0.05)
    assert times == []
    assert pacer.counters()["handles"] == 0


async def test_a_callback_may_cancel_itself_and_others(pacer: Pacer) -> None:
    handles: list[Handle] = []
    calls: list[int] = []

    def callback_of(index: int) -> Callable[[float], float]:
        def callback(now: float) -> float:
            calls.append(index)
            for handle in handles:
                handle.cancel()
            return now + FRAME_S

        return callback

    due = time.monotonic() + 0.01
    handles.extend(pacer.add(callback_of(index), due) for index in range(5))
    await asyncio.sleep(0.06)
    assert calls == [0]


async def test_reschedule_moves_the_deadline_both_ways(pacer: Pacer) -> None:
    times: list[float] = []
    now = time.monotonic()
    handle = pacer.add(every_20_ms(times, now + 0.03), now + 0.5)
    handle.reschedule(now + 0.01)
    handle.reschedule(now + 0.5)
    handle.reschedule(now + 0.03)
    await asyncio.sleep(0.028)
    assert times == [] or times[0] > now + 0.028
    await asyncio.sleep(0.02)
    assert times
    handle.cancel()


async def test_a_deadline_in_the_past_is_called_soon_and_cannot_spin(pacer: Pacer) -> None:
    times: list[float] = []

    def callback(now: float) -> float:
        times.append(now)
        return 0.0

    handle = pacer.add(callback, 0.0)
    start = time.monotonic()
    await asyncio.sleep(0.1)
    handle.cancel()
    assert 1 <= len(times) <= (time.monotonic() - start) / 0.002 + 3


async def test_H7_after_a_stall_each_call_is_called_once_and_it_is_counted(pacer: Pacer) -> None:
    times: list[float] = []
    others: list[float] = []
    start = time.monotonic() + 0.01

    def skipping(seen: list[float]) -> Callback:
        def callback(now: float) -> float:
            seen.append(now)
            missed = int((now - start) / FRAME_S)
            return start + (missed + 1) * FRAME_S

        return callback

    pacer.add(skipping(times), start)
    pacer.add(skipping(others), start + 0.007)
    await asyncio.sleep(0.05)
    before = len(times), len(others)
    time.sleep(0.5)  # noqa: ASYNC251  the stall is the subject
    resumed = time.monotonic()
    await asyncio.sleep(0.006)
    assert len(times) - before[0] <= 2
    assert len(others) - before[1] <= 2
    assert times[-1] >= resumed or len(times) == before[0]
    counters = pacer.counters()
    assert counters["stalls"] >= 2
    assert counters["max_late_ms"] > 400


async def test_one_failing_callback_is_reported_and_the_others_go_on(pacer: Pacer) -> None:
    reported: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    times: list[float] = []
    due = time.monotonic() + 0.01

    def failing(now: float) -> float:
        raise ValueError(f"at {now}")

    pacer.add(failing, due)
    pacer.add(every_20_ms(times, due), due)
    await asyncio.sleep(0.1)
    assert len(times) >= 3
    assert [type(context["exception"]) for context in reported] == [ValueError]
    assert pacer.counters()["handles"] == 1


async def test_closing_twice_is_fine() -> None:
    pacer = Pacer()
    pacer.close()
    pacer.close()
