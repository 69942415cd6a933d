"""The audio formats of the wire, and clips that know theirs."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.codecs import g711
from sipua.codecs.resample import Downsampler, Upsampler


@dataclass(frozen=True, slots=True)
class WireFormat:
    type: str
    rate: int
    sample_bytes: int
    law: g711.Law | None

    @property
    def bytes_per_ms(self) -> int:
        return self.rate * self.sample_bytes // 1000

    def duration_ms(self, size: int) -> int:
        return size // self.bytes_per_ms

    def decode(self, data: bytes) -> NDArray[np.int16]:
        """Linear samples at the format's own rate."""
        if self.law is None:
            return np.frombuffer(data, "<i2")
        return g711.decode(self.law, data)


def linear(rate: int) -> WireFormat:
    return WireFormat("audio/pcm", rate, 2, None)


PCM = linear(24_000)
PCMU = WireFormat("audio/pcmu", 8_000, 1, g711.Law.PCMU)
PCMA = WireFormat("audio/pcma", 8_000, 1, g711.Law.PCMA)
FORMATS = {wire.type: wire for wire in (PCM, PCMU, PCMA)}


@dataclass(frozen=True, slots=True)
class Clip:
    """Some audio with the words in it."""

    data: bytes
    format: WireFormat
    transcript: str

    @property
    def duration_ms(self) -> int:
        return self.format.duration_ms(len(self.data))


@lru_cache(maxsize=64)  # prompts and tones, which every call needs; other clips are not cached
def converted_prompt(clip: Clip, target: WireFormat) -> Clip:
    return converted(clip, target)


def converted(clip: Clip, target: WireFormat) -> Clip:
    if clip.format == target:
        return clip
    pcm = clip.format.decode(clip.data)
    if 8000 not in (clip.format.rate, target.rate):
        pcm = np.asarray(soxr.resample(pcm, clip.format.rate, target.rate, "VHQ"))
    elif clip.format.rate < target.rate:
        pcm = Upsampler(target.rate).process(pcm)
    elif clip.format.rate > target.rate:
        down = Downsampler(clip.format.rate)
        pcm = np.concatenate((down.process(pcm), down.flush()))
    data = pcm.astype("<i2").tobytes() if target.law is None else g711.encode(target.law, pcm)
    return Clip(data, target, clip.transcript)
