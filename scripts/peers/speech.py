"""Makes the speech of the tests, `tests/data/speech-*.wav` (8 kHz, mono, 16 bit).

The files are committed; this is how they were made: `apt-get install espeak-ng`, then
`python scripts/peers/speech.py`. What espeak-ng speaks carries no licence of espeak-ng's.
"""

import io
import subprocess
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

DATA = Path(__file__).parents[2] / "tests" / "data"
RATE_HZ = 8000
PEAK = 20000  # loud as a phone call, and far from clipping

# Two voices with nothing in common, so that a test can tell who is heard.
SPEECH = {
    "caller": ("en-gb", 165, "Good morning. I would like to move my appointment to Thursday."),
    "pbx": ("en-us+f3", 170, "Please hold the line, the quick brown fox will be with you soon."),
    "short": ("en-us+m4", 175, "Yes, that is right."),
    "operator": ("en-us+f3", 140, "Operator."),  # words that a recogniser finds
    "goodbye": ("en-us", 140, "Goodbye."),
}


def speak(voice: str, words_per_minute: int, text: str) -> npt.NDArray[np.int16]:
    """One sentence at the rate of a phone, without the silence around it."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(spoken)) as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.float64)
        pcm = soxr.resample(pcm, source.getframerate(), RATE_HZ, "VHQ")
    loud = np.flatnonzero(np.abs(pcm) > 0.01 * np.abs(pcm).max())
    pcm = pcm[loud[0] : loud[-1] + 1]
    speech: npt.NDArray[np.int16] = np.round(pcm * PEAK / np.abs(pcm).max()).astype(np.int16)
    return speech


def main() -> None:
    DATA.mkdir(exist_ok=True)
    for name, (voice, words_per_minute, text) in SPEECH.items():
        pcm = speak(voice, words_per_minute, text)
        path = DATA / f"speech-{name}.wav"
        with wave.open(str(path), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(RATE_HZ)
            target.writeframes(pcm.tobytes())
        print(f"{path.name}: {len(pcm) / RATE_HZ:.2f} s")


if __name__ == "__main__":
    main()
