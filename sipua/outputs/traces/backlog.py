"""The calls that are over and wait for the collector: bounded, between two threads."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from sipua.outputs.traces.story import Story

MOST_CALLS: Final = 2_000
MOST_BYTES: Final = 32_000_000


class Backlog:
    """`put` is called on the edge's loop, `take` on another one. The oldest make room."""

    def __init__(self, most_calls: int = MOST_CALLS, most_bytes: int = MOST_BYTES) -> None:
        self._most_calls = most_calls
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._stories: deque[Story] = deque()
        self._bytes = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._stories)

    def put(self, story: Story) -> None:
        with self._lock:
            self._stories.append(story)
            self._bytes += story.bytes
            while len(self._stories) > self._most_calls or self._bytes > self._most_bytes:
                self._bytes -= self._stories.popleft().bytes
                self._dropped += 1

    def take(self, most: int) -> list[Story]:
        """The oldest."""
        with self._lock:
            taken = [self._stories.popleft() for _ in range(min(most, len(self._stories)))]
            self._bytes -= sum(story.bytes for story in taken)
            return taken

    def dropped(self) -> int:
        """Since it was asked last."""
        with self._lock:
            count, self._dropped = self._dropped, 0
            return count
