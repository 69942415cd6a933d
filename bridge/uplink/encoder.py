"""The caller's frames in the engine's format: one class for each way.

    PcmEncoder    PCM16 at 8, 16 or 24 kHz: conceal ─▶ decode and resample in one
    G711Encoder   G.711: the bytes as they came, by table into the engine's law if it is the
                  other one

Samples are made where something was lost, and for a part that asks for them.

Both deal in pieces of 8 kHz, one element per sample (an array, or bytes), which `finish` makes into
what the engine is given; between the two a piece may be held back, or be replaced by silence.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol, TypeVar

import numpy as np

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.codecs.conceal import FRAMES_KEPT, Concealer
from sipua.codecs.g711 import Law, decode, encode, transcoding_table
from sipua.codecs.pcm import Pcm
from sipua.codecs.resample import upsampler

Piece = TypeVar("Piece")


class Encoder(Protocol[Piece]):
    def frame(self, law: Law, payload: bytes) -> Piece:
        """Audio that came."""

    def lost(self, samples: int) -> Piece:
        """In place of what did not come."""

    def silence(self, samples: int) -> Piece:
        """A pause of the caller's: what follows a loss is joined to it."""

    def blank(self, samples: int) -> Piece:
        """Silence in place of something that did come."""

    def pcm(self, piece: Piece) -> Pcm: ...

    def finish(self, piece: Piece) -> bytes:
        """For the engine. Each piece once, in order."""


class PcmEncoder:
    """A piece is a frame of G.711 as it came, or samples where something took its place."""

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz`: the engine's."""
        self._law = Law.PCMU  # of pieces that are bytes
        self._recent: deque[bytes | Pcm] = deque(maxlen=FRAMES_KEPT)
        self._concealer: Concealer | None = None  # from a loss to the first audio after it
        self._upsampler = upsampler(rate_hz)

    def frame(self, law: Law, payload: bytes) -> bytes | Pcm:
        if not self._recent:
            self._law = law
        if law is not self._law or self._concealer is not None:
            return self._good(decode(law, payload))
        self._recent.append(payload)
        return payload

    def lost(self, samples: int) -> Pcm:
        if self._concealer is None:
            self._concealer = Concealer()
            for piece in self._recent:
                self._concealer.good(self.pcm(piece))
        pcm = self._concealer.lost(samples)
        self._recent.append(pcm)
        return pcm

    def silence(self, samples: int) -> Pcm:
        return self._good(self.blank(samples))

    def blank(self, samples: int) -> Pcm:
        return np.zeros(samples, np.int16)

    def pcm(self, piece: bytes | Pcm) -> Pcm:
        return decode(self._law, piece) if isinstance(piece, bytes) else piece

    def finish(self, piece: bytes | Pcm) -> bytes:
        if isinstance(piece, bytes):
            return self._upsampler.decode(piece, self._law)
        return self._upsampler.process(piece).tobytes()

    def _good(self, pcm: Pcm) -> Pcm:
        if self._concealer is not None and len(pcm):
            pcm = self._concealer.good(pcm)
            self._concealer = None
        self._recent.append(pcm)
        return pcm


class G711Encoder:
    """`law` is the engine's."""

    def __init__(self, law: Law) -> None:
        self._law = law
        self._tables = {other: transcoding_table(other, law) for other in Law if other is not law}
        self._recent: deque[bytes] = deque(maxlen=FRAMES_KEPT)
        self._concealer: Concealer | None = None  # from a loss to the first audio after it

    def frame(self, law: Law, payload: bytes) -> bytes:
        if law is not self._law:
            payload = payload.translate(self._tables[law])
        return self._good(payload)

    def lost(self, samples: int) -> bytes:
        if self._concealer is None:
            self._concealer = Concealer()
            for codes in self._recent:
                self._concealer.good(decode(self._law, codes))
        codes = encode(self._law, self._concealer.lost(samples))
        self._recent.append(codes)
        return codes

    def silence(self, samples: int) -> bytes:
        return self._good(self.blank(samples))

    def blank(self, samples: int) -> bytes:
        return bytes([self._law.silence]) * samples

    def pcm(self, piece: bytes) -> Pcm:
        return decode(self._law, piece)

    def finish(self, piece: bytes) -> bytes:
        return piece

    def _good(self, codes: bytes) -> bytes:
        if self._concealer is not None and codes:
            codes = encode(self._law, self._concealer.good(decode(self._law, codes)))
            self._concealer = None
        self._recent.append(codes)
        return codes


def encoder_for(audio_format: AudioFormat) -> Encoder[Any]:
    if audio_format.is_g711:
        return G711Encoder(Law[audio_format.name])
    return PcmEncoder(audio_format.rate_hz)
