"""Sound as a picture: a PNG with a palette, made with numpy and zlib alone."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from sipua.codecs.pcm import Pcm

Pixels = npt.NDArray[np.uint8]

COLUMNS = 900
BANDS = 100
TOP_HZ = 4000
_WINDOW_S = 0.032
_FLOOR_DB, _CEILING_DB = -85.0, -25.0
# From silence to loud; readable on light and on dark.
_COLOURS = np.array(
    [(13, 8, 35), (61, 18, 92), (132, 32, 107), (200, 62, 77), (243, 120, 40), (252, 222, 150)]
)
GAP = 255
_GAP_COLOUR = (45, 130, 235)


def picture(pcm: Pcm, rate_hz: int, missing: npt.NDArray[np.bool_] | None = None) -> Pixels:
    """Rows from high to low; `missing` marks samples where there was nothing to hear."""
    size = round(_WINDOW_S * rate_hz)
    columns = min(COLUMNS, max(1, len(pcm) * 2 // size))
    padded = np.concatenate((pcm.astype(np.float64) / 32768, np.zeros(size)))
    starts = np.linspace(0, max(len(pcm) - size, 0), columns).astype(np.int64)
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)) ** 2 / (size / 4) ** 2
    edges = np.linspace(0, TOP_HZ * size / rate_hz, BANDS + 1)
    bins = np.minimum(((edges[:-1] + edges[1:]) / 2).astype(np.int64), power.shape[1] - 1)
    level = 10 * np.log10(power[:, bins] + 1e-12)
    scaled = np.clip((level - _FLOOR_DB) / (_CEILING_DB - _FLOOR_DB), 0, 1)
    pixels = np.flipud((scaled * (GAP - 1)).astype(np.uint8).T).copy()
    if missing is not None and missing.any():
        counted = np.concatenate(([0], np.cumsum(missing)))
        ends = np.minimum(starts + size, len(pcm))
        pixels[:, counted[ends] - counted[starts] > size // 4] = GAP
    return pixels


def data_uri(pixels: Pixels) -> str:
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def png(pixels: Pixels) -> bytes:
    height, width = pixels.shape
    rows = np.concatenate((np.zeros((height, 1), np.uint8), pixels), axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", _palette())
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _palette() -> bytes:
    at = np.linspace(0, len(_COLOURS) - 1, GAP)
    channels = [np.interp(at, np.arange(len(_COLOURS)), _COLOURS[:, k]) for k in range(3)]
    shades = np.stack(channels, axis=1).round().astype(np.uint8)
    return shades.tobytes() + bytes(_GAP_COLOUR)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
