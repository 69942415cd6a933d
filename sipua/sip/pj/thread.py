"""The one thread of pjsua2: it polls the library, runs commands, keeps timers.

pjsua2 is started without worker threads, so its callbacks only ever run inside `poll`, here.
Work from outside comes through a queue, and ends the poll that runs; no other thread may touch a
pjsua2 object. This file knows nothing of SIP: the endpoint brings what is opened, polled, woken and
closed.
"""

from __future__ import annotations

import heapq
import itertools
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from sipua.sip.errors import SignallingHangsError

LONGEST_POLL_MS = 250
"""A poll ends earlier for pjsip's own timers and for ours. This bounds how long the thread gives no
sign of life, and how late a command is whose wake was lost.
"""
UNWOKEN_POLL_MS = 5
"""Where nothing wakes the poll: how long a command waits."""
MAX_JOBS_A_ROUND = 64
DESTROY_S = 5.0
"""The library itself takes about a second to stop."""
FAULT_PAUSE_S = 0.1
"""A poll that fails may fail each time; `heartbeat` decides when to give up."""


class Polled(Protocol):
    """The object that the thread runs. Every method is called on the thread."""

    def open(self) -> None: ...
    def poll(self, timeout_ms: int) -> None: ...
    def can_wake(self) -> bool:
        """Whether `wake` works."""
        ...

    def wake(self) -> None:
        """End the poll that runs, or else the next one. From any thread; never raises."""
        ...

    def idle(self) -> bool:
        """Whether, after `close`, there is nothing left to wait for."""
        ...

    def close(self) -> None: ...
    def destroy(self) -> None: ...
    def fault(self, where: str, error: BaseException) -> None: ...


class Timers:
    """Deadlines of the signalling thread; `now` comes from outside."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = itertools.count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._ids), action))

    def wait_s(self, now: float) -> float:
        """How long until the next one is due."""
        return max(0.0, self._heap[0][0] - now) if self._heap else math.inf

    def due(self, now: float) -> list[Callable[[], None]]:
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap)[2])
        return ready


class SignallingThread:
    def __init__(self, polled: Polled, after_each: Callable[[], None] = lambda: None) -> None:
        """`after_each`: called after each poll, command and timer; it never raises."""
        self._polled = polled
        self._after_each = after_each
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._asleep = False
        """A poll runs, or begins, that does not know of a new job."""
        self._opened = threading.Event()
        self._closing_until: float | None = None
        self._open_error: Exception | None = None
        self._failure: BaseException | None = None
        # A daemon: a hang inside the library must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="pjsua2", daemon=True)
        self.timers = Timers()
        self.beats = 0
        """Rounds whose poll succeeded."""

    def start(self, timeout_s: float = 10.0) -> None:
        """Open the library; raises the exception of `open`, such as a taken port."""
        self._thread.start()
        if not self._opened.wait(timeout_s):
            raise SignallingHangsError(f"pjsua2 did not start within {timeout_s:g} s")
        if self._open_error is not None:
            raise self._open_error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def failure(self) -> BaseException | None:
        """The exception that ended the thread."""
        return self._failure

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def submit(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if self._asleep:
            self._asleep = False  # one wake a poll is enough
            self._polled.wake()

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call an action later; only from the thread itself."""
        self.timers.at(time.monotonic() + delay_s, action)

    def stop(self, grace_s: float) -> bool:
        """Unregister and hang up, wait at most `grace_s` for the answers, end the thread.

        False: it has not ended.
        """

        def begin() -> None:
            self._closing_until = time.monotonic() + grace_s
            self._polled.close()

        self.submit(begin)
        self._thread.join(grace_s + DESTROY_S)
        return not self.alive

    def _run(self) -> None:
        try:
            self._open()
            while not self._finished():
                self._round()
        except BaseException as error:  # noqa: BLE001 (the thread's owner reads `failure`)
            self._failure = error
        finally:
            self._opened.set()
            self._polled.destroy()
            self._after_each()

    def _open(self) -> None:
        try:
            self._polled.open()
        except Exception as error:
            self._open_error = error
            raise
        finally:
            self._after_each()
        self._opened.set()

    def _round(self) -> None:
        # In this order: a job that the look at the queue misses finds the thread asleep.
        self._asleep = True
        timeout_ms = self._poll_ms() if self._jobs.empty() else 0
        polled = self._guard("poll", lambda: self._polled.poll(timeout_ms))
        self._asleep = False
        if polled:
            self.beats += 1
        else:
            time.sleep(FAULT_PAUSE_S)
        for _ in range(MAX_JOBS_A_ROUND):
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            self._guard("command", job)
        for action in self.timers.due(time.monotonic()):
            self._guard("timer", action)

    def _poll_ms(self) -> int:
        now = time.monotonic()
        wait_s = self.timers.wait_s(now)
        if self._closing_until is not None:
            wait_s = min(wait_s, max(0.0, self._closing_until - now))
        longest_ms = LONGEST_POLL_MS if self._polled.can_wake() else UNWOKEN_POLL_MS
        return math.ceil(min(1000 * wait_s, longest_ms))

    def _finished(self) -> bool:
        if self._closing_until is None:
            return False
        return self._polled.idle() or time.monotonic() >= self._closing_until

    def _guard(self, where: str, action: Callable[[], None]) -> bool:
        """Whether it succeeded: a failure in one call must not end the signalling of all others."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 (any fault is reported)
            self._polled.fault(where, error)
            return False
        finally:
            self._after_each()
        return True
