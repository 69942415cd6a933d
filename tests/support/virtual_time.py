"""An event loop whose clock jumps to the next timer as soon as there is nothing else to do.

@in_virtual_time
async def test_something() -> None:
    await asyncio.sleep(3600)      takes no time, and is an hour on loop.time()

With the fixtures of tests/unit/bridge/conftest.py `time.monotonic` goes by that clock as well, so
that what waits for nothing but the machine's own sockets is the same on a busy machine.
"""

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class _Jumping(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and nothing is due: a deadlock"
            self.now_s += max(timeout, 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


_real_ns = time.monotonic_ns


def monotonic_ns() -> int:
    """In place of `time.monotonic_ns`: the running loop's time, if its time is its own."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _real_ns()
    return round(loop.time() * 1e9) if isinstance(loop, VirtualLoop) else _real_ns()


def monotonic() -> float:
    return monotonic_ns() / 1e9


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*arguments, **named))

    return run
