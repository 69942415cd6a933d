"""Finds what is said in an audio track that never stops.

An engine that streams one endless track, silent between two answers, marks neither the beginning
nor the end of what it says. The call needs both: a new item to play, to interrupt and to wait for,
and no silence in its queue, where each would delay all that follows. The track is the clock here:
what is measured are milliseconds of audio, so nothing depends on when it arrives.

    silence ──loud──▶ speech ──quiet for END_MS──▶ silence
                        │ cut
                        ▼
                     dropping ──quiet for YIELD_MS──▶ silence      (the engine has given way)
                        └───────after MAX_DROP_MS────▶ speech      (it talks on: be it heard)

Silence within speech is handed on as it comes, also the END_MS after its last word: a track that
comes at the pace of real time has no silence to spare. The bar lies well above the noise of a
silent vendor's track (below -60 dBFS) and well below its speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.engine_api.whole_samples import WholeSamples
from sipua.codecs.g711 import Law, decode

BLOCK_MS: Final = 20
BAR_DBFS: Final = -55.0
LEAD_MS: Final = 40  # from before the first loud block: soft consonants
END_MS: Final = 600  # more than a pause between two sentences, mostly
YIELD_MS: Final = 200
MAX_DROP_MS: Final = 1500

_POWER_BAR: Final = (32768 * 10 ** (BAR_DBFS / 20)) ** 2
_LAWS: Final = {AudioFormat.PCMU: Law.PCMU, AudioFormat.PCMA: Law.PCMA}


@dataclass(frozen=True, slots=True)
class Began:
    pass


@dataclass(frozen=True, slots=True)
class Ended:
    pass


@dataclass(frozen=True, slots=True)
class Said:
    audio: bytes


Piece = Began | Said | Ended


class SpeechGate:
    __slots__ = (
        "_block_bytes",
        "_dropping_ms",
        "_form",
        "_lead",
        "_lead_bytes",
        "_quiet_ms",
        "_samples",
        "dropped_ms",
        "speaking",
        "track_ms",
    )

    def __init__(self, form: AudioFormat) -> None:
        self._form = form
        self._block_bytes = form.bytes_per_ms * BLOCK_MS
        self._lead_bytes = form.bytes_per_ms * LEAD_MS
        self._lead = b""
        self._samples = WholeSamples()
        self._quiet_ms = 0
        self._dropping_ms: int | None = None  # dropped so far
        self.speaking = False
        self.track_ms = 0.0
        self.dropped_ms = 0  # of what was cut, ever

    def feed(self, audio: bytes) -> list[Piece]:
        audio = self._samples.of(audio, self._form)
        self.track_ms += len(audio) / self._form.bytes_per_ms
        pieces: list[Piece] = []
        lead = self._lead
        track = lead + audio
        start = 0 if self.speaking else len(track)  # of what is handed on and not yet in `pieces`
        fresh = 0  # from where on nothing was handed on or dropped
        at = len(lead)
        for loud in self._loud(audio):
            end = min(at + self._block_bytes, len(track))
            block_ms = (end - at) // self._form.bytes_per_ms
            self._quiet_ms = 0 if loud else self._quiet_ms + block_ms
            if self._dropping_ms is not None:
                self._drop(block_ms)
                fresh = end
            elif self.speaking:
                if self._quiet_ms >= END_MS:
                    pieces += (Said(track[start:end]), Ended())
                    self.speaking = False
                    start, fresh = len(track), end
            elif loud:
                self.speaking = True
                start = max(fresh, at - self._lead_bytes)
                pieces.append(Began())
            at = end
        if self.speaking and start < len(track):
            pieces.append(Said(track[start:]))
        self._lead = b"" if self.speaking else track[max(fresh, len(track) - self._lead_bytes) :]
        return pieces

    def cut(self) -> None:
        """What is being said goes no further; it is dropped for as long as it goes on."""
        if not self.speaking:
            return
        self.speaking = False
        self._dropping_ms = None if self._quiet_ms >= YIELD_MS else 0

    def end(self) -> None:
        """The track itself has stopped."""
        self.speaking = False
        self._dropping_ms = None
        self._quiet_ms = 0

    @property
    def dropping(self) -> bool:
        return self._dropping_ms is not None

    def _drop(self, block_ms: int) -> None:
        assert self._dropping_ms is not None
        self._dropping_ms += block_ms
        self.dropped_ms += block_ms
        if self._quiet_ms >= YIELD_MS or self._dropping_ms >= MAX_DROP_MS:
            self._dropping_ms = None

    def _loud(self, audio: bytes) -> list[bool]:
        """For each block, the last of which may be short."""
        if not audio:
            return []
        law = _LAWS.get(self._form)
        pcm = np.frombuffer(audio, "<i2") if law is None else decode(law, audio)
        samples = self._block_bytes // (2 if law is None else 1)
        count = len(pcm) // samples
        blocks = pcm[: count * samples].reshape(count, samples)
        loud = [power >= _POWER_BAR for power in _powers(blocks)]
        if (rest := pcm[count * samples :]).size:
            loud.append(_powers(rest.reshape(1, -1))[0] >= _POWER_BAR)
        return loud


def _powers(blocks: NDArray[np.int16]) -> list[float]:
    wide = blocks.astype(np.float32)
    powers: list[float] = (np.einsum("ij,ij->i", wide, wide) / wide.shape[1]).tolist()
    return powers
