"""One side of a recording: pieces of sound at their places, and silence where there was none."""

from __future__ import annotations

import numpy as np

from sipua.codecs.pcm import Pcm


class Track:
    """Samples at 8 kHz, from the beginning of the recording on. It is taken from the front."""

    __slots__ = ("_held", "_parts", "end", "taken")

    def __init__(self) -> None:
        self._parts: list[Pcm] = []
        self._held = 0
        self.end = 0
        """Where the next piece may begin."""
        self.taken = 0

    def put(self, place: int, pcm: Pcm) -> int:
        """Put a piece at its place; returns the samples that come too late and are left out."""
        if place > self.end:
            self._add(np.zeros(place - self.end, np.int16))
        late = min(self.end - place, len(pcm))
        self._add(pcm[late:])
        return late

    def blank(self, place: int) -> None:
        """Silence from there on, as far as it has not been taken."""
        end = self.end
        for at in reversed(range(len(self._parts))):
            part = self._parts[at]
            begin = end - len(part)
            if end <= place:
                return
            kept = part[: max(0, place - begin)]
            self._parts[at] = np.concatenate((kept, np.zeros(len(part) - len(kept), np.int16)))
            end = begin

    def take(self, until: int) -> Pcm:
        """All up to there that has not been taken."""
        wanted = max(0, until - self.taken)
        if self._held < wanted:
            self._add(np.zeros(wanted - self._held, np.int16))
        joined = np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)
        self._parts = [joined[wanted:]]
        self._held -= wanted
        self.taken += wanted
        return joined[:wanted]

    def _add(self, pcm: Pcm) -> None:
        if len(pcm):
            self._parts.append(pcm)
            self._held += len(pcm)
            self.end += len(pcm)
