"""Certificates and keys as files in memory, as pjsip takes names alone. pjsua2 thread only.

pjsip reads them when a connection comes about. One that has begun may do so after a reload, or
after several: until then the number of a file may not become another one's, or the connection would
show another peer's certificate.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

KEPT_S: Final = 60.0
"""So long those stay that have been replaced: longer than a connection takes to come about."""


class MemoryFiles:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: list[int] = []
        self._before: deque[tuple[float, list[int]]] = deque()
        """Until when they stay."""

    def name(self, content: bytes) -> str:
        """Under which it is read; empty: there is nothing."""
        if not content:
            return ""
        file = os.memfd_create("tls")
        self._files.append(file)
        os.write(file, content)
        return f"/proc/self/fd/{file}"

    def replace(self) -> None:
        """Those that are there are used by no connection that begins from now on."""
        now = self._clock()
        while self._before and self._before[0][0] <= now:
            _close(self._before.popleft()[1])
        self._before.append((now + KEPT_S, self._files))
        self._files = []

    def close(self) -> None:
        """After the library's end."""
        for _, files in self._before:
            _close(files)
        self._before.clear()
        _close(self._files)


def _close(files: list[int]) -> None:
    while files:
        os.close(files.pop())
