"""What of a caller's sound is kept, and when it is over. Pure: samples in, samples to keep out.

    beep ─▶ silence ─▶ speech ─▶ pauses, speech … ─▶ silence of `timeout_s`, or `max_length_s`: over
            └── half a second of it, then all ──┘    └── half a second of it

With `trim`, silence before and behind is left out but for that half second. Time is the samples
themselves: on hold there are none, so nothing is kept and no time passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal

from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import EnergyVad, SpeechStarted, VadConfig

RATE_HZ: Final = 8000
_EDGE_MS: Final = 500
"""Of silence, before and behind what is said; a pause that is shorter is none."""
_PER_MS: Final = RATE_HZ // 1000
_HELD: Final = RATE_HZ
"""Before speech is found so much waits: the edge, and what finding it takes."""


class Listening:
    def __init__(self, *, timeout_s: int, max_length_s: int, trim: bool = True) -> None:
        """See `<Record>`."""
        self.ended: Literal["", "silence", "length"] = ""
        self._timeout = timeout_s * RATE_HZ
        self._longest = max_length_s * RATE_HZ
        self._trim = trim
        self._vad = EnergyVad(
            VadConfig(prefix_padding_ms=_EDGE_MS, silence_duration_ms=_EDGE_MS), RATE_HZ
        )
        self._heard = 0
        self._spoken = False
        self._first: int | None = None if trim else 0
        """Where what is kept begins."""
        self._silent_since = 0
        self._waiting: deque[Pcm] = deque()
        self._waits_from = 0

    def feed(self, pcm: Pcm) -> Sequence[Pcm]:
        """What is to be kept now."""
        if self.ended:
            return ()
        pcm = pcm[: self._longest - self._heard]
        self._heard += len(pcm)
        for event in self._vad.feed(pcm):
            if isinstance(event, SpeechStarted):
                self._began(event.audio_start_ms * _PER_MS)
            else:
                self._silent_since = (event.audio_end_ms - _EDGE_MS) * _PER_MS
        if self._heard >= self._longest:
            self.ended = "length"
        elif not self._vad.speaking and self._heard - self._silent_since >= self._timeout:
            self.ended = "silence"
        return self._kept(pcm)

    @property
    def samples(self) -> int:
        """Of what is kept, those that belong to the recording; 0: there was no sound at all."""
        if not self._spoken or self._first is None:
            return 0
        if not self._trim or self._vad.speaking:
            return self._heard - self._first
        return min(self._heard, self._silent_since + _EDGE_MS * _PER_MS) - self._first

    def _began(self, at: int) -> None:
        self._spoken = True
        if self._first is None:
            self._first = max(at, self._waits_from)

    def _kept(self, pcm: Pcm) -> Sequence[Pcm]:
        if self._first is not None and self._first <= self._heard - len(pcm) and not self._waiting:
            return (pcm,)
        self._waiting.append(pcm)
        if self._first is None:
            while self._heard - self._waits_from - len(self._waiting[0]) >= _HELD:
                self._waits_from += len(self._waiting.popleft())
            return ()
        kept: list[Pcm] = []
        place = self._waits_from
        for piece in self._waiting:
            left_out = min(len(piece), max(0, self._first - place))
            place += len(piece)
            kept.append(piece[left_out:])
        self._waiting.clear()
        return [piece for piece in kept if len(piece)]
