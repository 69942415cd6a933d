"""G.711 from the formulas of the recommendation, apart from the product's tables."""

import numpy as np

from support.media.audio import Pcm

PCMU, PCMA = 0, 8  # RTP payload types, RFC 3551


def _ulaw_levels() -> Pcm:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = ((mantissa << 3) + 132 << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_levels() -> Pcm:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = np.where(
        exponent == 0,
        (mantissa << 4) + 8,
        ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0),
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_LEVELS = {PCMU: _ulaw_levels(), PCMA: _alaw_levels()}
_ORDER = {law: np.argsort(levels, kind="stable") for law, levels in _LEVELS.items()}


def decode(law: int, payload: bytes) -> Pcm:
    return _LEVELS[law][np.frombuffer(payload, np.uint8)]


def encode(law: int, pcm: Pcm) -> bytes:
    """The code whose level is nearest."""
    order = _ORDER[law]
    levels = _LEVELS[law][order].astype(np.int32)
    middles = (levels[1:] + levels[:-1]) // 2
    return order[np.searchsorted(middles, pcm)].astype(np.uint8).tobytes()
