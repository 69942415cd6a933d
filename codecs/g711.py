"""G.711, both laws, between wire bytes and 16-bit linear samples at 8 kHz.

The tables come from the arithmetic of the ITU's reference software (G.191), which works on the 14
(µ-law) or 13 (A-law) highest bits. A negative sample is taken as its one's complement, so that
every quantising interval is [lower, upper) on the number line: -1 codes as negative zero, 0 as
positive zero, and a decision value belongs to the interval above it.
"""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.pcm import Pcm

Codes = NDArray[np.int64]

_ULAW_BIAS = 33
_ULAW_CLIP = 0x1FFF
_EVEN_BITS = 0x55


def _magnitude(samples: Codes, drop_bits: int) -> Codes:
    magnitude: Codes = np.where(samples < 0, ~samples, samples) >> drop_bits
    return magnitude


def _ulaw_compress(samples: Codes) -> Codes:
    biased = np.minimum(_magnitude(samples, 2) + _ULAW_BIAS, _ULAW_CLIP)
    exponent = np.log2(biased).astype(np.int64) - 5
    mantissa = (biased >> (exponent + 1)) & 0x0F
    code = ~(exponent << 4 | mantissa) & 0x7F
    result: Codes = np.where(samples < 0, code, code | 0x80)
    return result


def _ulaw_expand(codes: Codes) -> Codes:
    exponent = (~codes >> 4) & 0x07
    mantissa = ~codes & 0x0F
    magnitude = (((2 * mantissa + _ULAW_BIAS) << exponent) - _ULAW_BIAS) << 2
    result: Codes = np.where(codes < 0x80, -magnitude, magnitude)
    return result


def _alaw_compress(samples: Codes) -> Codes:
    magnitude = _magnitude(samples, 4)
    exponent = np.maximum(np.log2(np.maximum(magnitude, 1)).astype(np.int64) - 3, 0)
    # The first two segments have the same step; from the second on, the leading one is implied.
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 0x0F
    code = (exponent << 4 | mantissa) ^ _EVEN_BITS
    result: Codes = np.where(samples < 0, code, code | 0x80)
    return result


def _alaw_expand(codes: Codes) -> Codes:
    exponent = ((codes ^ _EVEN_BITS) >> 4) & 0x07
    mantissa = (codes ^ _EVEN_BITS) & 0x0F
    implied = np.where(exponent > 0, mantissa + 16, mantissa)
    magnitude = ((implied << 4) + 8) << np.maximum(exponent - 1, 0)
    result: Codes = np.where(codes < 0x80, -magnitude, magnitude)
    return result


class Law(Enum):
    """A G.711 law; the value is its static RTP payload type (RFC 3551 §6)."""

    PCMU = 0
    PCMA = 8

    def __init__(self, payload_type: int) -> None:
        self.payload_type = payload_type
        # The code of +0 (µ-law) or of the smallest positive step (A-law has no zero).
        self.silence = 0xFF if payload_type == 0 else 0xD5
        codes = np.arange(256)
        samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64)
        expand, compress = (
            (_ulaw_expand, _ulaw_compress) if payload_type == 0 else (_alaw_expand, _alaw_compress)
        )
        self.decode_table: Pcm = expand(codes).astype(np.int16)
        self.encode_table: NDArray[np.uint8] = compress(samples).astype(np.uint8)


def decode(law: Law, payload: bytes | bytearray | memoryview) -> Pcm:
    """One linear sample per code."""
    return law.decode_table.take(np.frombuffer(payload, np.uint8), mode="clip")


def encode(law: Law, pcm: Pcm) -> bytes:
    """One code per linear sample."""
    return law.encode_table.take(pcm.view(np.uint16), mode="clip").tobytes()


def transcoding_table(source: Law, target: Law) -> bytes:
    """For `bytes.translate`: codes of one law into the nearest codes of the other."""
    return encode(target, source.decode_table)
