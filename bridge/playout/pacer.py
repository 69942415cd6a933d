"""One timer for all calls: calls each back when its next frame is due.

Deadlines are absolute, on the clock of `time.monotonic`; what a callback takes, or how late a
wake-up is, moves no later deadline. They are rounded to slots of 2 ms, so that however many calls
there are the process wakes at most 500 times a second; a frame's 20 ms are ten slots, so rounding
moves a call's phase by up to 1 ms and its spacing not at all.

After a stall every call is called back once; what to do about missed frames is the callback's
affair (see cadence).
"""

import asyncio
import heapq
import time
from bisect import bisect_left
from collections.abc import Callable

from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.timerfd import make_timer

_SLOT_NS = 2_000_000
_NS = 1_000_000_000
_STALL_NS = 20_000_000
LATE_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Bounds by which the lateness of callbacks is counted."""
_LATE_NS = tuple(bound * 1_000_000 for bound in LATE_MS)

Callback = Callable[[float], float]
"""Takes the time, returns the next deadline; both in seconds of `time.monotonic`."""


class Handle:
    """One call's place in the pacer. The attributes are the pacer's own."""

    __slots__ = ("callback", "faults", "pacer", "slot")

    def __init__(self, pacer: "Pacer", callback: Callback, faults: FaultOwner) -> None:
        self.faults = faults
        self.pacer = pacer
        self.callback: Callback | None = callback
        self.slot = -1

    def reschedule(self, due_s: float) -> None:
        """The deadline moved, other than by the callback."""
        self.pacer.place(self, due_s)

    def cancel(self) -> None:
        """No callback after this."""
        self.pacer.remove(self)


class Pacer:
    """Belongs to the running loop. One per process."""

    def __init__(self, *, use_timerfd: bool = True) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, list[Handle]] = {}
        self._order: list[int] = []  # a heap of the keys of `_slots`
        self._armed: int | None = None
        self._handles: set[Handle] = set()
        self._wakeups = 0
        self._callbacks = 0
        self._stalls = 0
        self._max_late_ns = 0
        self._late = [0] * (len(_LATE_NS) + 1)
        self._late_ns = 0
        self._timer = make_timer(self._loop, self._wake, use_timerfd=use_timerfd)

    def add(self, callback: Callback, due_s: float, faults: FaultOwner | None = None) -> Handle:
        """Call back at `due_s`, and then whenever the callback says.

        `faults`: whose call it is. A callback that raises is not called again.
        """
        handle = Handle(self, callback, faults or FaultOwner())
        self._handles.add(handle)
        self.place(handle, due_s)
        return handle

    def close(self) -> None:
        self._timer.close()
        self._slots.clear()
        self._order.clear()

    def counters(self) -> dict[str, float]:
        return {
            "handles": len(self._handles),
            "wakeups": self._wakeups,
            "callbacks": self._callbacks,
            "stalls": self._stalls,
            "max_late_ms": self._max_late_ns / 1e6,
        }

    def lateness(self) -> tuple[float, ...]:
        """Of all callbacks so far: how many up to each of LATE_MS, and beyond; then the sum in
        seconds."""
        return (*self._late, self._late_ns / _NS)

    def place(self, handle: Handle, due_s: float) -> None:
        """Move a handle's deadline."""
        if handle.callback is not None:
            self._insert(handle, round(due_s * _NS / _SLOT_NS))
            self._arm()

    def remove(self, handle: Handle) -> None:
        if handle.callback is not None:
            handle.callback = None
            self._handles.discard(handle)

    def _insert(self, handle: Handle, slot: int) -> None:
        # An entry that is left behind in another slot is void: the handle does not name it.
        handle.slot = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [handle]
            heapq.heappush(self._order, slot)
        else:
            waiting.append(handle)

    def _arm(self) -> None:
        if self._order and self._order[0] != self._armed:
            self._timer.arm(self._order[0] * _SLOT_NS)
            self._armed = self._order[0]

    def _wake(self) -> None:
        try:
            self._call_due()
        except Exception as error:  # noqa: BLE001 (the pacer's own: no call has a clock any more)
            for handle in tuple(self._handles):
                handle.cancel()
                handle.faults.failed("pacer", error)

    def _call_due(self) -> None:
        self._armed = None
        self._wakeups += 1
        current = time.monotonic_ns() // _SLOT_NS
        while self._order and self._order[0] <= current:
            slot = heapq.heappop(self._order)
            for handle in self._slots.pop(slot):
                callback = handle.callback
                if handle.slot == slot and callback is not None:
                    self._run(handle, callback, current)
        self._arm()

    def _run(self, handle: Handle, callback: Callback, current: int) -> None:
        now_ns = time.monotonic_ns()
        late_ns = now_ns - handle.slot * _SLOT_NS
        if late_ns > self._max_late_ns:  # noqa: PLR1730 - max() costs a call for each frame
            self._max_late_ns = late_ns
        self._late[bisect_left(_LATE_NS, late_ns)] += 1
        self._late_ns += max(late_ns, 0)
        if late_ns >= _STALL_NS:
            self._stalls += 1
        self._callbacks += 1
        handle.slot = -1
        try:
            due_s = callback(now_ns / _NS)
            if handle.callback is not None:
                # At the earliest in the next slot, so that no deadline can make this loop spin.
                self._insert(handle, max(round(due_s * _NS / _SLOT_NS), current + 1))
        except Exception as error:  # noqa: BLE001 (one call's fault must not silence the others)
            handle.cancel()
            handle.faults.failed("pacer", error)
