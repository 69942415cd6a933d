"""The tone detector against Q.24, and against everything that is no digit."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sipua.codecs.dtmf import HIGH_HZ, KEYS, LOW_HZ, DtmfDetector, tone
from sipua.codecs.g711 import Law, decode, encode
from support.media import audio

Signal = NDArray[np.float64]
DIGITS = "".join(KEYS)
FULL_SCALE_DBM0 = 3.14
Heard = list[tuple[str, int]]


def pair(
    digit: str,
    length_ms: float,
    *,
    off: tuple[float, float] = (0.0, 0.0),
    dbm0: tuple[float, float] = (-9.0, -9.0),
    phase: float = 0.0,
) -> Signal:
    """Two sines, of any frequency and level: not the product's own generator."""
    row = next(index for index, keys in enumerate(KEYS) if digit in keys)
    column = KEYS[row].index(digit)
    time_s = np.arange(round(length_ms * 8)) / 8000
    low, high = (32768 * 10 ** ((level - FULL_SCALE_DBM0) / 20) for level in dbm0)
    return np.asarray(
        low * np.sin(2 * np.pi * LOW_HZ[row] * (1 + off[0]) * time_s + phase)
        + high * np.sin(2 * np.pi * HIGH_HZ[column] * (1 + off[1]) * time_s + 2 * phase)
    )


def dialled(
    digits: str, length_ms: float, pause_ms: float, *, before_ms: float = 33, **how: object
) -> Signal:
    parts = [np.zeros(round(before_ms * 8))]
    for index, digit in enumerate(digits):
        parts += [pair(digit, length_ms, phase=index * 0.7, **how), np.zeros(round(pause_ms * 8))]  # type: ignore[arg-type]  # the keywords of pair
    return np.concatenate([*parts, np.zeros(800)])


def heard(
    signal: NDArray[np.float64] | NDArray[np.int16],
    *,
    law: Law = Law.PCMU,
    frame: int = 160,
    lost: Sequence[int] = (),
) -> Heard:
    detector = DtmfDetector()
    pcm = np.clip(np.rint(signal), -32768, 32767).astype(np.int16)
    pcm = decode(law, encode(law, pcm))
    out: Heard = []
    for index, start in enumerate(range(0, len(pcm), frame)):
        piece = pcm[start : start + frame]
        out += detector.lost(len(piece)) if index in lost else detector.feed(piece)
    return out


def digits(found: Heard) -> str:
    return "".join(digit for digit, _ in found)


# --- Q.24: what must be accepted -------------------------------------------------------------


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("before_ms", range(0, 20, 3))
def test_Q24_40_ms_and_40_ms_of_pause_wherever_they_lie(before_ms: float, law: Law) -> None:
    assert digits(heard(dialled(DIGITS * 2, 40, 40, before_ms=before_ms), law=law)) == DIGITS * 2


@pytest.mark.parametrize("low", [-0.015, 0.0, 0.015])
@pytest.mark.parametrize("high", [-0.015, 0.0, 0.015])
def test_Q24_frequencies_1_5_percent_off(low: float, high: float) -> None:
    assert digits(heard(dialled(DIGITS, 45, 45, off=(low, high)))) == DIGITS


@pytest.mark.parametrize("level", [0, -3, -15, -25, -29])
def test_Q24_levels(level: float) -> None:
    assert digits(heard(dialled(DIGITS, 45, 45, dbm0=(level, level)))) == DIGITS


@pytest.mark.parametrize("twist", [-8, -4, 0, 4])
def test_Q24_twist(twist: float) -> None:
    assert digits(heard(dialled(DIGITS, 45, 45, dbm0=(-12, -12 + twist)))) == DIGITS


@pytest.mark.parametrize("interruption_ms", [3, 6, 10])
@pytest.mark.parametrize("at_ms", range(30, 60, 4))
def test_Q24_a_short_interruption_does_not_make_two(interruption_ms: int, at_ms: int) -> None:
    signal = pair("5", 100)
    signal[at_ms * 8 : (at_ms + interruption_ms) * 8] = 0
    assert digits(heard(np.concatenate([signal, np.zeros(800)]))) == "5"


@pytest.mark.parametrize("noise_db", [15, 18, 24])
def test_digits_in_noise(noise_db: float) -> None:
    rng = np.random.default_rng(7)
    signal = dialled(DIGITS * 2, 50, 50)
    level = 32768 * 10 ** ((-9 - FULL_SCALE_DBM0 - noise_db) / 20) / np.sqrt(2)
    assert digits(heard(signal + rng.normal(0, level, len(signal)))) == DIGITS * 2


@pytest.mark.parametrize("frame", [80, 160, 240, 320, 480, 37])
def test_any_packet_length(frame: int) -> None:
    assert digits(heard(dialled(DIGITS, 45, 45), frame=frame)) == DIGITS


@pytest.mark.parametrize("length_ms", [50, 80, 100, 250, 2000])
def test_the_length_is_told(length_ms: int) -> None:
    for before_ms in (0, 7, 13):
        ((_, measured),) = heard(dialled("6", length_ms, 60, before_ms=before_ms))
        assert measured == pytest.approx(length_ms, abs=6)


def test_a_tone_without_an_end_is_told_once_in_ten_seconds() -> None:
    found = heard(pair("1", 25_000))
    assert digits(found) == "11"
    assert all(length == pytest.approx(10_000, abs=40) for _, length in found)


@pytest.mark.parametrize("seed", range(10))
def test_R7_digits_survive_3_percent_loss(seed: int) -> None:
    """Of 100 ms, as phones send them. What is lost is unknown, not silence."""
    rng = random.Random(seed)
    signal = dialled(DIGITS * 4, 100, 100)
    lost = [n for n in range(len(signal) // 160) if rng.random() < 0.03]
    assert digits(heard(signal, lost=lost)) == DIGITS * 4


# --- Q.24: what must be refused ---------------------------------------------------------------


@pytest.mark.parametrize("before_ms", range(0, 20, 3))
@pytest.mark.parametrize("length_ms", [10, 20, 24])
def test_Q24_too_short(length_ms: float, before_ms: float) -> None:
    assert not heard(dialled(DIGITS, length_ms, 60, before_ms=before_ms))


@pytest.mark.parametrize("off", [(0.035, 0.0), (-0.035, 0.0), (0.0, 0.035), (0.0, -0.035)])
def test_Q24_frequencies_3_5_percent_off(off: tuple[float, float]) -> None:
    assert not heard(dialled(DIGITS, 100, 60, off=off))


def test_Q24_too_quiet() -> None:
    assert not heard(dialled(DIGITS, 100, 60, dbm0=(-46, -46)))


@pytest.mark.parametrize("twist", [-15, 12])
def test_too_much_twist(twist: float) -> None:
    assert not heard(dialled(DIGITS, 100, 60, dbm0=(-15, -15 + twist)))


@pytest.mark.parametrize("hz", [*LOW_HZ, *HIGH_HZ])
def test_one_tone_alone(hz: float) -> None:
    assert not heard(audio.tone(hz, 500))


@pytest.mark.parametrize("tones", [(350, 440), (440, 480), (480, 620), (425,), (1100,), (2100,)])
def test_tones_of_the_network(tones: tuple[int, ...]) -> None:
    time_s = np.arange(8000) / 8000
    assert not heard(sum(6000 * np.sin(2 * np.pi * hz * time_s) for hz in tones))


# --- talk-off ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["caller", "pbx", "short", "greeting", "listening"])
def test_no_digit_in_speech(name: str) -> None:
    if name in ("greeting", "listening"):
        pcm = audio.read_wav(audio.GREETING.with_name(f"{name}.wav"), rate_hz=8000)
    else:
        pcm = audio.speech(name)
    rng = random.Random(3)
    for shift in range(0, 160, 20):
        for gain in (0.3, 1.0, 4.0):
            lost = [n for n in range(len(pcm) // 160) if rng.random() < 0.03]
            for law in Law:
                assert not heard(pcm[shift:] * gain, law=law)
                assert not heard(pcm[shift:] * gain, law=law, lost=lost)


@pytest.mark.parametrize("seed", range(5))
def test_no_digit_in_music(seed: int) -> None:
    """Chords of one to four notes with up to eight harmonics."""
    rng = np.random.default_rng(seed)
    notes = []
    for _ in range(80):
        time_s = np.arange(rng.integers(60, 400) * 8) / 8000
        chord = np.zeros(len(time_s))
        for _ in range(rng.integers(1, 5)):
            hz = 440 * 2 ** (rng.integers(-24, 25) / 12)
            for harmonic in range(1, int(rng.choice([2, 4, 8])) + 1):
                if hz * harmonic < 3800:
                    phase = rng.uniform(0, 6)
                    wave = np.sin(2 * np.pi * hz * harmonic * time_s + phase)
                    chord += wave * rng.uniform(0.3, 1) / harmonic
        notes.append(chord * np.exp(-time_s / rng.uniform(0.1, 2)) * 4000)
    assert not heard(np.concatenate(notes))


@pytest.mark.parametrize("level", [100, 1000, 8000])
def test_no_digit_in_noise(level: float) -> None:
    rng = np.random.default_rng(2)
    white = rng.normal(0, level, 60 * 8000)
    brown = np.convolve(white, np.ones(8) / 3, mode="same")
    assert not heard(white)
    assert not heard(brown)


def test_speech_seldom_reaches_the_costly_gate() -> None:
    """The exact fit costs seventy times a frame: it may not be what speech is spent on."""
    detector = DtmfDetector()
    pcm = audio.speech("caller")
    for start in range(0, len(pcm) - 159, 160):
        detector.feed(pcm[start : start + 160])
    assert detector.counters["fitted"] <= 0.05 * len(pcm) / 160


# --- our own tones ----------------------------------------------------------------------------


@pytest.mark.parametrize("digit", DIGITS)
def test_a_tone_of_ours_is_heard_and_has_its_level(digit: str) -> None:
    made = tone(digit, 800)
    assert len(made) == 800
    assert digits(heard(np.concatenate([made, np.zeros(800, np.int16)]))) == digit
    spectrum = np.abs(np.fft.rfft(made[:800] * np.hanning(800))) / 200
    row = next(index for index, keys in enumerate(KEYS) if digit in keys)
    for hz, dbm0 in ((LOW_HZ[row], -11.0), (HIGH_HZ[KEYS[row].index(digit)], -9.0)):
        peak = spectrum[round(hz / 10) - 1 : round(hz / 10) + 2].max()
        assert 20 * np.log10(peak / 32768) + FULL_SCALE_DBM0 == pytest.approx(dbm0, abs=1.5)


def test_a_tone_begins_and_ends_without_a_click() -> None:
    made = tone("1", 800)
    loudest = np.abs(made).max()
    assert abs(int(made[0])) < loudest / 12
    assert abs(int(made[-1])) < loudest / 12
