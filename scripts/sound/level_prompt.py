"""Turns one recorded WAV into a prompt: 24 kHz mono, trimmed, -20 dBFS RMS, soft at both ends."""

import argparse
import wave
from pathlib import Path

import numpy as np
import soxr

RATE = 24_000
LEVEL_DBFS = -20.0
PEAK = 0.9  # of full scale: G.711 must not clip a prompt
FLOOR = 10 ** (-50 / 20)
MARGIN_MS = 40  # of the silence around the words, kept so that no consonant is cut


def level(source: Path, target: Path) -> None:
    with wave.open(str(source), "rb") as reader:
        rate, channels = reader.getframerate(), reader.getnchannels()
        raw = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
    mono = raw.reshape(-1, channels).mean(axis=1) / 32768.0
    pcm = np.asarray(soxr.resample(mono, rate, RATE, "VHQ"))

    loud = np.flatnonzero(np.abs(pcm) > FLOOR)
    margin = RATE * MARGIN_MS // 1000
    pcm = pcm[max(0, loud[0] - margin) : loud[-1] + margin]

    pcm = pcm * (10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(pcm**2)))
    pcm = PEAK * np.tanh(pcm / PEAK)  # rounds off the few peaks that a speech synthesiser has

    fade = np.linspace(0.0, 1.0, RATE * 10 // 1000)
    pcm[: fade.size] *= fade
    pcm[-fade.size :] *= fade[::-1]

    with wave.open(str(target), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.round(pcm * 32767).astype("<i2").tobytes())
    rms_dbfs = 20 * np.log10(np.sqrt(np.mean(pcm**2)))
    print(f"{target.name}: {pcm.size / RATE:.2f} s, {rms_dbfs:.1f} dBFS RMS")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    level(arguments.source, arguments.target)
