"""A single-shot timer on the clock of `time.monotonic`, in an event loop.

A timerfd is 0.05 ms late where a loop timer, whose clock ticks in milliseconds, is late by up to
one. libc is called directly, since Python has no timerfd before 3.13. Systems without one get a
loop timer.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from typing import Protocol

_NS = 1_000_000_000

# <time.h>, <sys/timerfd.h>; TFD_NONBLOCK and TFD_CLOEXEC are defined as the O_ flags.
_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1


class Timer(Protocol):
    def arm(self, when_ns: int) -> None:
        """Call back once, at this time; an earlier arming is void."""

    def close(self) -> None: ...


def make_timer(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None], *, use_timerfd: bool
) -> Timer:
    libc = ctypes.CDLL(None, use_errno=True)
    if use_timerfd and hasattr(libc, "timerfd_create"):
        return _TimerFd(loop, callback, libc)
    return _LoopTimer(loop, callback)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class _TimerFd:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None], libc: ctypes.CDLL
    ) -> None:
        self._loop = loop
        self._callback = callback
        self._set_time = libc.timerfd_settime
        self._spec = _TimerSpec()
        self._spec_reference = ctypes.byref(self._spec)
        self._value = self._spec.value
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _os_error("timerfd_create")
        loop.add_reader(self._fd, self._expired)

    def arm(self, when_ns: int) -> None:
        # A time of zero would disarm; the past is fine, and expires at once.
        self._value.seconds, self._value.nanoseconds = divmod(max(when_ns, 1), _NS)
        if self._set_time(self._fd, _TFD_TIMER_ABSTIME, self._spec_reference, None) < 0:
            raise _os_error("timerfd_settime")

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _expired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # armed anew between the loop's poll and now
        self._callback()


class _LoopTimer:
    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, when_ns: int) -> None:
        self.close()
        # The loop's own clock may be coarse and cached: only the difference is taken from it.
        delay_s = max(0.0, when_ns / _NS - time.monotonic())
        self._handle = self._loop.call_later(delay_s, self._callback)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def _os_error(function: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{function}: {os.strerror(number)}")
