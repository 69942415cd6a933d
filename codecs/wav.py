"""WAV files of 16-bit PCM, read as they are: any rate, any number of channels.

Which channel, which rate and how long a sound may be is the reader's business, and so is the text
that says what is wrong with a file.
"""

from __future__ import annotations

import struct
import wave
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from sipua.codecs.pcm import Pcm


class WavError(ValueError):
    """It is no WAV file of PCM."""


@dataclass(frozen=True, slots=True)
class Wav:
    rate_hz: int
    channels: int
    bits: int
    """Of a sample. `samples` reads 16 only."""
    frames: int
    """By its header; a file that was cut has less."""
    data: bytes

    def samples(self) -> Pcm:
        """A row for each frame, a column for each channel. What was cut within a frame is left."""
        import numpy as np  # noqa: PLC0415 - who examines a file needs none

        assert self.bits == 16
        frame_bytes = 2 * self.channels
        whole = len(self.data) // frame_bytes * frame_bytes
        samples: Pcm = np.frombuffer(self.data[:whole], "<i2").reshape(-1, self.channels)
        return samples


def read(source: IO[bytes], *, most_s: float | None = None) -> Wav:
    """No more of it than `most_s` is read. WavError where it is no WAV file; OSError is left."""
    try:
        with wave.open(source, "rb") as reader:
            rate_hz, frames = reader.getframerate(), reader.getnframes()
            most = frames if most_s is None else int(most_s * rate_hz)
            data = reader.readframes(min(frames, most))
            return Wav(rate_hz, reader.getnchannels(), 8 * reader.getsampwidth(), frames, data)
    except (wave.Error, EOFError, ZeroDivisionError, RuntimeError, struct.error) as error:
        raise WavError(str(error) or "it ends too early") from None
