"""Between a frame that came and the engine that gets it: is it the caller, and does he speak?

    piece ─▶ on hold by us? silence ─▶ our own echo? held back ─▶ voice detection ─▶ engine

What is held back stays here for up to 200 ms: if the gate opens, what led to that is given first,
so no syllable is lost. After 200 ms, or when the echo is over, silence of the same length takes its
place. Either way the engine gets as much time as the caller took; while something is held it is
200 ms late, and nothing is cut out or doubled.

Voice detection runs for engines that have none. It hears what the engine hears. `listeners` hear
what the other side says, also while the engine does not: of our own echo they get silence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sipua.bridge.uplink.encoder import Encoder
from sipua.codecs.echo import HOLD_MS, EchoGate
from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import EnergyVad, VadConfig, VadEvent

_RATE_HZ = 8000
_HOLD = HOLD_MS * _RATE_HZ // 1000


class EchoHold:
    """One call's."""

    __slots__ = (
        "_held",
        "_held_samples",
        "_muted_for",
        "_vad",
        "gate",
        "listeners",
        "muted",
        "voice",
    )

    def __init__(self) -> None:
        self.gate: EchoGate | None = None
        self.listeners: tuple[Callable[[Pcm], None], ...] = ()
        self._muted_for: set[str] = set()
        self.muted = False
        self._vad: EnergyVad | None = None
        self.voice: list[VadEvent] = []
        """Detected since `take_voice` was called."""
        self._held: deque[Any] = deque()
        self._held_samples = 0

    @property
    def plain(self) -> bool:
        """Whether all audio passes unexamined."""
        return (
            self.gate is None
            and self._vad is None
            and not self.listeners
            and not self.muted
            and not self._held
        )

    @property
    def held_samples(self) -> int:
        return self._held_samples

    def mute(self, on: bool, asker: str) -> None:
        """The engine hears silence while one has asked for it."""
        (self._muted_for.add if on else self._muted_for.discard)(asker)
        self.muted = bool(self._muted_for)

    def detect_voice(self, config: VadConfig | None) -> None:
        """From the engine's time 0 on; None: not any more."""
        self._vad = None if config is None else EnergyVad(config, _RATE_HZ)
        self.voice.clear()

    def take_voice(self) -> Sequence[VadEvent]:
        if not self.voice:
            return ()
        voice, self.voice = self.voice, []
        return voice

    def hear(self, piece: Any, feed: Encoder[Any], out: list[bytes]) -> None:
        gate, listeners = self.gate, self.listeners
        given = feed.blank(len(piece)) if self.muted else piece
        if gate is not None:
            if not gate.active or (self.muted and not listeners):
                gate.passed_by(len(piece))
                self._release(feed, out, 0)
            elif gate.holds(feed.pcm(piece)):
                if listeners:
                    self._tell(np.zeros(len(piece), np.int16))
                self._hold(given, feed, out)
                return
            elif self._held:
                self._release(feed, out, gate.release_ms * _RATE_HZ // 1000)
        if listeners:
            self._tell(feed.pcm(piece))
        self._give(given, feed, out)

    def _tell(self, pcm: Pcm) -> None:
        for listener in self.listeners:
            listener(pcm)

    def drop(self) -> None:
        """What is held is of another session's time, or format."""
        self._held.clear()
        self._held_samples = 0

    def _hold(self, piece: Any, feed: Encoder[Any], out: list[bytes]) -> None:
        self._held.append(piece)
        self._held_samples += len(piece)
        while self._held_samples > _HOLD:
            self._give(feed.blank(self._take()), feed, out)

    def _release(self, feed: Encoder[Any], out: list[bytes], samples: int) -> None:
        """What is held, the last `samples` of it as they came."""
        while self._held:
            heard = self._held_samples <= samples
            piece = self._held[0]
            length = self._take()
            self._give(piece if heard else feed.blank(length), feed, out)

    def _take(self) -> int:
        length = len(self._held.popleft())
        self._held_samples -= length
        return length

    def _give(self, piece: Any, feed: Encoder[Any], out: list[bytes]) -> None:
        if self._vad is not None:
            self.voice += self._vad.feed(feed.pcm(piece))
        out.append(feed.finish(piece))
