"""The voice of a scenario: texts spoken by espeak-ng, and recordings, made ready before any call.

Blocking: `Voices.prepared` is called before the server listens, never while sessions run.
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.bridge.agent.scenario.scenario import SPEAKER, Scenario, Step
from sipua.bridge.agent.speech.formats import PCM, Clip
from sipua.codecs import wav

SPEAK_S = 20.0  # for one text
MAX_FILE_BYTES = 64 << 20
MAX_CLIP_S = 300

LEVEL_DBFS = -20.0  # as loud as the prompts
PEAK = 0.9  # of full scale: G.711 must not clip it
FLOOR = 10 ** (-50 / 20)
MARGIN_MS = 40  # of the silence around the words, kept so that no consonant is cut


class VoiceError(Exception):
    """A text or a file that cannot be spoken; the message says why."""


@dataclass(frozen=True, slots=True)
class Voices:
    texts: Mapping[str, Clip] = field(default_factory=dict)
    files: Mapping[str, Clip] = field(default_factory=dict)

    @classmethod
    def prepared(cls, scenario: Scenario) -> "Voices":
        texts = {step.say for step in scenario.steps if step.say and not step.say_file}
        names = {step.say_file: step.say for step in scenario.steps if step.say_file}
        return cls(
            {text: spoken(text, scenario.voice, scenario.words_per_minute) for text in texts},
            {name: recorded(Path(name), text) for name, text in names.items()},
        )

    def clip(self, step: Step) -> Clip:
        return self.files[step.say_file] if step.say_file else self.texts[step.say]


def spoken(text: str, voice: str, words_per_minute: int) -> Clip:
    program = shutil.which(SPEAKER)
    if program is None:
        raise VoiceError(f"{SPEAKER} is not installed")
    command = [
        program,
        "-v",
        voice,
        "-s",
        str(words_per_minute),
        "-p",
        "45",
        "--stdout",
        "--",
        text,
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the text is an argument, no shell sees it
            command, capture_output=True, timeout=SPEAK_S, check=True
        )
        rate, pcm = _wav(done.stdout)
    except (OSError, subprocess.SubprocessError, VoiceError) as error:
        raise VoiceError(f"{SPEAKER} cannot speak as {voice!r}: {_why(error)}") from None
    return Clip(_wire(_levelled(_at_wire_rate(pcm, rate))), PCM, text)


def _why(error: Exception) -> str:
    """Without the text that was to be said, which may be private."""
    match error:
        case subprocess.CalledProcessError():
            return f"it ended with {error.returncode}"
        case subprocess.TimeoutExpired():
            return f"it took more than {SPEAK_S:g} s"
        case OSError():
            return error.strerror or type(error).__name__
    return str(error)


def recorded(path: Path, text: str) -> Clip:
    """A WAV file of 16 bits as it is: its loudness is not changed."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise VoiceError(f"{path} has more than {MAX_FILE_BYTES >> 20} MiB")
        rate, pcm = _wav(path.read_bytes())
    except OSError as error:
        raise VoiceError(f"{path} cannot be read: {error.strerror or error}") from None
    return Clip(_wire(_at_wire_rate(pcm, rate)), PCM, text or f"[{path.name}]")


def _wav(data: bytes) -> tuple[int, NDArray[np.float32]]:
    try:
        sound = wav.read(BytesIO(data), most_s=MAX_CLIP_S)
    except wav.WavError as error:
        raise VoiceError(f"is no WAV file: {error}") from None
    bits, rate = sound.bits, sound.rate_hz
    if bits != 16 or not 4000 <= rate <= 192_000:
        raise VoiceError(f"is {bits} bit at {rate} Hz; 16 bit from 4 to 192 kHz is read")
    samples = sound.samples()
    if not len(samples):
        raise VoiceError("holds no audio")
    mono = samples.mean(axis=1, dtype=np.float32)
    return rate, (mono / np.float32(32768)).astype(np.float32)


def _at_wire_rate(pcm: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    if rate == PCM.rate:
        return pcm
    resampled: NDArray[np.float32] = np.asarray(soxr.resample(pcm, rate, PCM.rate), np.float32)
    return resampled


def _levelled(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Trimmed, as loud as the prompts, soft at both ends."""
    loud = np.flatnonzero(np.abs(pcm) > FLOOR)
    if not loud.size:
        return pcm
    margin = PCM.rate * MARGIN_MS // 1000
    pcm = pcm[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]
    rms = float(np.sqrt(np.mean(pcm**2)))
    pcm = PEAK * np.tanh(pcm * (10 ** (LEVEL_DBFS / 20) / rms) / PEAK)
    fade = np.linspace(0.0, 1.0, min(PCM.rate // 100, pcm.size // 2), dtype=np.float32)
    if fade.size:
        pcm[: fade.size] *= fade
        pcm[-fade.size :] *= fade[::-1]
    return np.asarray(pcm, np.float32)


def _wire(pcm: NDArray[np.float32]) -> bytes:
    scaled: NDArray[Any] = np.clip(np.rint(pcm * 32767), -32768, 32767)
    return scaled.astype("<i2").tobytes()
