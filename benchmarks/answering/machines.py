"""Sounds of machines and networks: beeps, fax, ring-back, busy, the tones before announcements."""

from __future__ import annotations

from random import Random

import numpy as np

from sipua.bench.answering.speaker import RATE_HZ, Signal, silence


def tone(
    seconds: float, *frequencies_hz: float, level_db: float = -16.0, drift_hz: float = 0.0
) -> Signal:
    """Sines of the same level together, with 4 ms at each end to come and go."""
    samples = max(1, round(seconds * RATE_HZ))
    time = np.arange(samples) / RATE_HZ
    moved = drift_hz * time**2 / (2 * max(seconds, 1e-3))
    wave = sum(np.sin(2 * np.pi * (hz * time + moved)) for hz in frequencies_hz)
    wave = wave * (10 ** (level_db / 20) * np.sqrt(2 / len(frequencies_hz)))
    ramp = min(RATE_HZ * 4 // 1000, samples // 2)
    if ramp:
        rise = np.arange(1, ramp + 1) / (ramp + 1)
        wave[:ramp] *= rise
        wave[-ramp:] *= rise[::-1]
    return np.asarray(wave, np.float64)


def beep(chance: Random) -> Signal:
    """As voicemail systems have it; one in four near the limits of what a line carries."""
    if chance.random() < 0.25:
        hz = chance.choice((chance.uniform(70, 350), chance.uniform(2000, 3900)))
        seconds = chance.uniform(0.2 if hz < 350 else 0.07, 1.5)
    else:
        hz, seconds = chance.uniform(380, 1900), chance.uniform(0.07, 1.2)
    return tone(seconds, hz, level_db=chance.uniform(-26, -10), drift_hz=chance.uniform(-8, 8))


def answer_of_fax(chance: Random) -> Signal:
    """CED, and then what fax machines say."""
    ced = tone(chance.uniform(2.6, 4.0), 2100 + chance.uniform(-12, 12), level_db=-14)
    return np.concatenate(
        [silence(chance.uniform(0.2, 1.8)), ced, silence(0.075), preamble(chance)]
    )


def preamble(chance: Random) -> Signal:
    """V.21 flags: one of two frequencies for each bit, 300 of them a second."""
    bits = [(index % 8) not in (0, 7) for index in range(600)]
    hz = np.repeat([1650.0 if bit else 1850.0 for bit in bits], RATE_HZ // 300)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    return np.asarray(np.sin(phase) * 10 ** (chance.uniform(-18, -12) / 20) * 1.4, np.float64)


def calling_fax(chance: Random) -> Signal:
    """CNG: half a second in three and a half."""
    parts = [silence(chance.uniform(0.2, 2.0))]
    for _ in range(4):
        parts += [
            tone(0.5 * chance.uniform(0.9, 1.1), 1100 + chance.uniform(-30, 30)),
            silence(3.0),
        ]
    return np.concatenate(parts)


def special_information(chance: Random) -> Signal:
    lengths = [chance.choice((0.276, 0.38, 0.33)) for _ in range(3)]
    hertz = (chance.choice((914.0, 950.0, 985.0)), chance.choice((1371.0, 1400.0, 1429.0)), 1777.0)
    return np.concatenate([tone(one, hz) for one, hz in zip(lengths, hertz, strict=True)])


def ring_back(chance: Random) -> Signal:
    american = chance.random() < 0.5
    frequencies = (440.0, 480.0) if american else (chance.uniform(415, 440),)
    on_s, off_s = (2.0, 4.0) if american else (1.0, 4.0)
    parts = []
    for _ in range(chance.randint(1, 3)):
        parts += [tone(on_s, *frequencies, level_db=-20), silence(off_s)]
    parts[-1] = silence(chance.uniform(0.3, off_s))
    return np.concatenate(parts)


def busy(chance: Random) -> Signal:
    american = chance.random() < 0.5
    frequencies = (480.0, 620.0) if american else (chance.uniform(415, 440),)
    beat_s = chance.choice((0.5, 0.25)) if american else chance.choice((0.5, 0.48, 0.375, 0.2))
    parts = [silence(chance.uniform(0.0, 1.0))]
    for _ in range(round(8 / beat_s / 2)):
        parts += [tone(beat_s, *frequencies, level_db=-20), silence(beat_s)]
    return np.concatenate(parts)


def music(chance: Random) -> Signal:
    """Chords of three notes with overtones, one after the other without a pause."""
    parts = []
    for _ in range(12):
        root = chance.uniform(180, 420)
        notes = [root * step * over for step in (1, 1.26, 1.498) for over in (1, 2, 3)]
        parts.append(tone(chance.uniform(0.3, 1.1), *notes, level_db=chance.uniform(-24, -16)))
    return np.concatenate(parts)
