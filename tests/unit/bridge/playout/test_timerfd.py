"""Both timers, on both loops."""

import asyncio
import sys
import time
from collections.abc import Callable

import pytest
import uvloop

from sipua.bridge.playout.timerfd import Timer, make_timer

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
]


@pytest.mark.parametrize("new_loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("use_timerfd", [True, False])
class TestTimer:
    def run(
        self,
        new_loop: Callable[[], asyncio.AbstractEventLoop],
        use_timerfd: bool,
        scenario: Callable[[Timer], float],
        *,
        fires: bool = True,
    ) -> list[float]:
        """Fire times, after a scenario that says how long nothing more may come.

        A busy machine may be late by any time: that one is waited for, never less.
        """
        loop = new_loop()
        fired: list[float] = []

        async def story() -> None:
            first = asyncio.Event()

            def fire() -> None:
                fired.append(time.monotonic())
                first.set()

            timer = make_timer(asyncio.get_running_loop(), fire, use_timerfd=use_timerfd)
            try:
                quiet_s = scenario(timer)
                if fires:
                    await asyncio.wait_for(first.wait(), 20)
                await asyncio.sleep(quiet_s)
            finally:
                timer.close()
                timer.close()

        try:
            loop.run_until_complete(story())
        finally:
            loop.close()
        return fired

    def test_fires_once_at_its_time(
        self, new_loop: Callable[[], asyncio.AbstractEventLoop], use_timerfd: bool
    ) -> None:
        due = time.monotonic_ns() + 30_000_000

        def scenario(timer: Timer) -> float:
            timer.arm(due)
            return 0.05

        fired = self.run(new_loop, use_timerfd, scenario)
        assert len(fired) == 1
        assert fired[0] - due / 1e9 > -0.002

    def test_arming_again_voids_the_first(
        self, new_loop: Callable[[], asyncio.AbstractEventLoop], use_timerfd: bool
    ) -> None:
        def scenario(timer: Timer) -> float:
            timer.arm(time.monotonic_ns() + 10_000_000)
            timer.arm(time.monotonic_ns() + 60_000_000_000)
            return 0.05

        assert self.run(new_loop, use_timerfd, scenario, fires=False) == []

    @pytest.mark.parametrize("when_ns", [0, 1, 2_000_000_000])
    def test_the_past_fires_at_once(
        self, new_loop: Callable[[], asyncio.AbstractEventLoop], use_timerfd: bool, when_ns: int
    ) -> None:
        def scenario(timer: Timer) -> float:
            timer.arm(when_ns)
            return 0.03

        assert len(self.run(new_loop, use_timerfd, scenario)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux")
async def test_timerfd_is_used_where_there_is_one() -> None:
    timer = make_timer(asyncio.get_running_loop(), lambda: None, use_timerfd=True)
    assert type(timer).__name__ == "_TimerFd"
    timer.close()
