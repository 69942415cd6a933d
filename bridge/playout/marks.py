"""Names in the playout's queue: each is told when the frames before it have been handed out.

A mark keeps how many frames lie between the mark before it and itself, so that a frame that leaves
moves the first one alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sipua.bridge.events import MarkReached

MAX_PENDING: Final = 1000


@dataclass(slots=True)
class _Mark:
    name: str
    frames: int
    """Behind the mark before it."""


class Marks:
    """One call's. Bounded: the oldest is told as dropped, and counted."""

    __slots__ = ("_frames", "_tell", "overflow", "pending")

    def __init__(self, tell: Callable[[MarkReached], None]) -> None:
        self._tell = tell
        self.pending: deque[_Mark] = deque()
        self._frames = 0  # before the last one
        self.overflow = 0

    def add(self, name: str, frames: int) -> None:
        """`frames`: as many are still to be handed out before it."""
        if not frames:
            self._tell(MarkReached(name, played=True))
            return
        self.pending.append(_Mark(name, frames - self._frames))
        self._frames = frames
        if len(self.pending) > MAX_PENDING:
            oldest = self.pending.popleft()
            self.pending[0].frames += oldest.frames
            self.overflow += 1
            self._tell(MarkReached(oldest.name, played=False))

    def frame_left(self) -> None:
        """To be called while some are `pending`."""
        pending = self.pending
        self._frames -= 1
        pending[0].frames -= 1
        while pending and not pending[0].frames:
            self._tell(MarkReached(pending.popleft().name, played=True))

    def drop(self) -> None:
        """What was before them will not be handed out."""
        self._frames = 0
        while self.pending:
            self._tell(MarkReached(self.pending.popleft().name, played=False))
