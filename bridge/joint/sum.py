"""The sum of what several parties say at the same time, at 8 kHz.

Each party's packets come by a clock of its own, and what is summed is taken by another one. So what
has come waits in a short queue: it begins to be taken when a frame more than is asked for is there,
and what would make it longer than `MOST` is dropped, the oldest first. A loud sum is cut off at the
largest sample, and never wraps.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm

RESERVE: Final = 160
"""Samples that wait beyond those that are taken: one packet may be 20 ms late."""
MOST: Final = 960
"""Samples that wait at most: 120 ms."""


def added(one: Pcm, other: Pcm) -> Pcm:
    total = np.add(one, other, dtype=np.int32)
    return np.clip(total, -32768, 32767, out=total).astype(np.int16)


def with_added(law: Law, payload: bytes, more: Pcm) -> bytes:
    """The payload, and what is added to it, in its law."""
    return encode(law, added(decode(law, payload), more))


class Waiting:
    """What one party has said, and nothing has taken yet."""

    __slots__ = ("_flows", "_pieces", "dropped", "samples")

    def __init__(self) -> None:
        self._pieces: deque[Pcm] = deque()
        self._flows = False
        self.samples = 0
        self.dropped = 0
        """Samples that came too fast, or that nothing took."""

    def put(self, pcm: Pcm) -> None:
        self._pieces.append(pcm)
        self.samples += len(pcm)
        if self.samples > MOST:
            while self.samples > 2 * RESERVE and len(self._pieces) > 1:
                lost = len(self._pieces.popleft())
                self.samples -= lost
                self.dropped += lost

    def take(self, samples: int) -> Pcm | None:
        """So many; silence fills up what is missing. None: silence, all of it."""
        if not self._flows:
            if self.samples < samples + RESERVE:
                return None
            self._flows = True
        if not self.samples:
            self._flows = False
            return None
        first = self._pieces[0]
        if len(first) == samples:  # nearly always
            self._pieces.popleft()
            self.samples -= samples
            return first
        return self._taken(samples)

    def clear(self) -> None:
        self._pieces.clear()
        self.samples = 0
        self._flows = False

    def _taken(self, samples: int) -> Pcm:
        taken, at = np.zeros(samples, np.int16), 0
        while at < samples and self._pieces:
            piece = self._pieces.popleft()
            used = piece[: samples - at]
            taken[at : at + len(used)] = used
            at += len(used)
            if len(used) < len(piece):
                self._pieces.appendleft(piece[len(used) :])
        self.samples -= at
        self._flows = at == samples
        return taken
