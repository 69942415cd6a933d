"""Recordings of calls, read and judged."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np

from support.media.audio import Pcm


def channels(path: Path) -> tuple[Pcm, Pcm]:
    """Left and right."""
    with wave.open(str(path)) as reader:
        assert (reader.getnchannels(), reader.getframerate(), reader.getsampwidth()) == (2, 8000, 2)
        data = reader.readframes(reader.getnframes())
    both = np.frombuffer(data, "<i2").reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def metadata(path: Path) -> dict[str, Any]:
    """Of the recording in this file."""
    name = path.name.split(".")
    stem = ".".join(name[:2]) if name[1].isdigit() else name[0]
    found: dict[str, Any] = json.loads(path.with_name(f"{stem}.json").read_text())
    return found


def place(piece: Pcm, pcm: Pcm) -> int:
    """Where `piece` stands in `pcm`, sample by sample the same; -1: nowhere."""
    windows = np.lib.stride_tricks.sliding_window_view(pcm, 400)
    for at in np.flatnonzero((windows[:, :8] == piece[:8]).all(axis=1)):
        if np.array_equal(pcm[at : at + len(piece)], piece):
            return int(at)
    return -1


def delay_ms(first: Pcm, second: Pcm, most_ms: int = 400) -> float:
    """How much later `second` has what `first` has, by correlation."""
    a, b = first.astype(float), second.astype(float)
    size = 1 << (len(a) + len(b)).bit_length()
    likeness = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    return float(np.argmax(likeness[: most_ms * 8])) / 8
