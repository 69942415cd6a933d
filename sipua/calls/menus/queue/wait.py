"""A caller's time in a queue. No I/O: places, keys and times in, steps out.

placed ─▶ announced ──`announce_every_s`──▶ announced ─▶ …      music between them
   │ a key that leads somewhere, at any time                 ─▶ Leave
   │ `max_wait_s`, unless somebody is being called for it     ─▶ Leave
   └ connected: keys are for the person who has answered
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.calls.menus.menu import Action, Say, Sound
from sipua.calls.menus.queue.queue import Queue

Why: TypeAlias = Literal["key", "timeout"]


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the caller this; `lasts` is to be told how long it takes."""

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class PlaySound:
    sound: Sound


@dataclass(frozen=True, slots=True)
class Leave:
    why: Why
    key: str
    action: Action


Step: TypeAlias = Announce | PlaySound | Leave


class QueueWait:
    def __init__(self, queue: Queue, now: float) -> None:
        self._queue = queue
        self._ends = now + queue.max_wait_s
        self._next = math.inf
        self._position = 0
        self._wait_s: float | None = None
        self.ringing = False
        """Somebody is being called for the caller."""
        self.connected = False
        """Somebody has answered."""

    @property
    def deadline(self) -> float:
        """When to call `expire`."""
        if self.connected:
            return math.inf
        return self._next if self.ringing else min(self._next, self._ends)

    def placed(self, position: int, wait_s: float | None, now: float) -> Sequence[Step]:
        first = self._position == 0
        self._position, self._wait_s = position, wait_s
        if not first:
            return ()
        if self.ringing:  # its turn has come at once: it may never have to wait
            self.lasts(0.0, now)
            return ()
        return [self._announce(now)]

    def lasts(self, seconds: float, now: float) -> None:
        """What was announced takes so long."""
        if self._queue.announce_every_s:
            self._next = now + seconds + self._queue.announce_every_s

    def postpone(self, now: float) -> None:
        """The caller is on hold, and would not hear it."""
        self.lasts(0.0, now)

    def key(self, digit: str) -> Sequence[Step]:
        action = None if self.connected else self._queue.keys.get(digit)
        match action:
            case None:
                return ()
            case Say():
                return [PlaySound(action.sound)]
        return [Leave("key", digit, action)]

    def expire(self, now: float) -> Sequence[Step]:
        """The deadline is over."""
        if self.connected:
            return ()
        if now >= self._ends and not self.ringing:
            return [Leave("timeout", "", self._queue.on_timeout)]
        return [self._announce(now)] if now >= self._next else ()

    def _announce(self, now: float) -> Announce:
        self._next = math.inf  # until it is known how long it takes
        return Announce(self._position, self._wait_s)
