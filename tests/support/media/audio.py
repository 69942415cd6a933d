"""What tests ask of sound: is this speech in that recording, how loud, where are the holes.

Written apart from the product's own codecs and resampler, so that it can judge them.
"""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

Pcm = npt.NDArray[np.int16]

DATA = Path(__file__).parents[2] / "data"
GREETING = Path(__file__).parents[3] / "bridge" / "agent" / "speech" / "prompts" / "greeting.wav"
PHONE_RATE_HZ = 8000
SILENCE_DBFS = -50.0  # G.711's idle noise is far below, speech far above


@dataclass(frozen=True, slots=True)
class Match:
    """Where a reference was found: `score` is 1 for the same waveform at any gain, 0 for none."""

    score: float
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Gap:
    start_ms: float
    length_ms: float


def speech(name: str) -> Pcm:
    """One of the committed sentences: `caller`, `pbx` or `short`, at 8 kHz."""
    return read_wav(DATA / f"speech-{name}.wav", rate_hz=PHONE_RATE_HZ)


def silence(length_ms: float, rate_hz: int = PHONE_RATE_HZ) -> Pcm:
    return np.zeros(round(length_ms * rate_hz / 1000), np.int16)


def tone(frequency_hz: float, length_ms: float, rate_hz: int = PHONE_RATE_HZ) -> Pcm:
    samples = np.arange(round(length_ms * rate_hz / 1000))
    return np.round(10000 * np.sin(2 * np.pi * frequency_hz * samples / rate_hz)).astype(np.int16)


def read_wav(path: Path, *, rate_hz: int) -> Pcm:
    """The mono 16-bit file, resampled when its own rate is another one."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError(f"{path}: not mono 16 bit")
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return resample(pcm, file.getframerate(), rate_hz)


def write_wav(path: Path, pcm: Pcm, *, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.astype("<i2").tobytes())


def resample(pcm: Pcm, from_hz: int, to_hz: int) -> Pcm:
    if from_hz == to_hz:
        return pcm
    wide = soxr.resample(pcm.astype(np.float64), from_hz, to_hz, "VHQ")
    resampled: Pcm = np.clip(np.round(wide), -32768, 32767).astype(np.int16)
    return resampled


def find(reference: Pcm, recording: Pcm, rate_hz: int = PHONE_RATE_HZ) -> Match:
    """The best place of `reference` in `recording`, by normalised cross-correlation.

    Gain, G.711's noise and a delay of part of a sample cost nothing; a wrong polarity, a lost or
    a doubled frame does.
    """
    if len(reference) > len(recording):
        return Match(0.0, 0.0)
    wanted = reference - reference.mean(dtype=np.float64)
    heard = recording - recording.mean(dtype=np.float64)
    places = len(heard) - len(wanted) + 1

    size = 1 << (len(heard) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    # Four times finer than the samples: resampling delays are seldom whole ones.
    finer = 4
    products = np.fft.irfft(spectrum, size * finer)[: (places - 1) * finer + 1] * finer

    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    energy = energy[len(wanted) :][:places] - energy[:places]
    # Silence must not divide a small product by a smaller energy into a match.
    floor = len(wanted) * 10.0**2
    norms = np.sqrt(np.maximum(energy, floor) * max(float(np.sum(wanted**2)), floor))
    scores = products / np.repeat(norms, finer)[: len(products)]
    best = int(np.argmax(scores))
    return Match(float(scores[best]), best * 1000 / (finer * rate_hz))


def find_pieces(
    reference: Pcm, recording: Pcm, rate_hz: int = PHONE_RATE_HZ, piece_ms: int = 500
) -> list[Match]:
    """Each piece of the reference on its own, offsets as of the reference's start.

    A frame lost in the middle leaves every piece but one intact, and shows in the offsets.
    """
    length = piece_ms * rate_hz // 1000
    matches = []
    for start in range(0, len(reference) - length + 1, length):
        match = find(reference[start : start + length], recording, rate_hz)
        matches.append(Match(match.score, match.offset_ms - start * 1000 / rate_hz))
    return matches


def is_whole(said: Pcm, heard: Pcm) -> bool:
    """It is there, but for a frame (one left out on its way moves what follows it) and a pause."""
    pieces = find_pieces(said, heard, piece_ms=250)
    assert pieces, "too short to be judged"
    return sum(piece.score > 0.9 for piece in pieces) >= 0.8 * len(pieces)


def assert_whole(said: Pcm, heard: Pcm) -> None:
    """Every piece of it stands where it should."""
    pieces = find_pieces(said, heard)
    spoken = [piece for piece in pieces if piece.score > 0.5]  # a pause in it matches nowhere
    assert len(spoken) >= len(pieces) - 1
    assert min(piece.score for piece in spoken) > 0.95
    offsets = [piece.offset_ms for piece in spoken]
    assert max(offsets) - min(offsets) < 1  # nothing lost, nothing doubled


def is_in(said: Pcm, recording: Pcm) -> bool:
    """Whether it was heard. A frame that a busy machine left out costs the piece that it was in,
    and a pause of a sentence matches nowhere: most pieces must be there, and near each other.
    """
    pieces = find_pieces(said, recording, piece_ms=250)
    places = [piece.offset_ms for piece in pieces if piece.score > 0.9]
    return len(places) >= len(pieces) * 0.6 and max(places) - min(places) < 300


def level_dbfs(pcm: Pcm) -> float:
    """RMS level; a full-scale sine is -3, silence is -inf."""
    if not len(pcm):
        return float("-inf")
    rms = float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))
    return 20 * float(np.log10(rms / 32768)) if rms else float("-inf")


def gaps(
    pcm: Pcm,
    rate_hz: int = PHONE_RATE_HZ,
    *,
    min_ms: float = 0,
    threshold_dbfs: float = SILENCE_DBFS,
) -> list[Gap]:
    """Stretches in which every 5 ms window is quieter than the threshold."""
    window = rate_hz * 5 // 1000
    blocks = pcm[: len(pcm) // window * window].astype(np.float64).reshape(-1, window)
    quiet = np.sqrt(np.mean(blocks**2, axis=1)) < 32768 * 10 ** (threshold_dbfs / 20)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    starts, ends = edges[::2] * 5.0, edges[1::2] * 5.0
    return [
        Gap(float(start), float(end - start))
        for start, end in zip(starts, ends, strict=True)
        if end - start >= min_ms
    ]


def longest_silence_ms(pcm: Pcm, rate_hz: int = PHONE_RATE_HZ) -> float:
    return max((gap.length_ms for gap in gaps(pcm, rate_hz)), default=0.0)
