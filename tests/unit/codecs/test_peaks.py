"""The sines of a window: their frequencies, and how much of the sound they are."""

import numpy as np
import pytest

from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.peaks import PeakFinder, Peaks
from sipua.codecs.tones import sine
from support.media import audio


def last(pcm: Pcm) -> Peaks:
    finder = PeakFinder()
    peaks = Peaks(0, 0, 0, 0)
    for start in range(0, len(pcm) - 159, 160):
        peaks = finder.find(pcm[start : start + 160])
    return peaks


@pytest.mark.parametrize("hz", [90, 425, 1000, 1004.5, 2100, 3880])
@pytest.mark.parametrize("law", list(Law))
def test_one_sine(hz: float, law: Law) -> None:
    peaks = last(decode(law, encode(law, sine(hz, 100, 8000, -20))))
    assert peaks.hz == pytest.approx(hz, abs=3)
    assert peaks.share > 0.95


def test_two_sines() -> None:
    pair = sine(480, 100, 8000, -16) + sine(620, 100, 8000, -18)
    peaks = last(pair)
    assert sorted((peaks.hz, peaks.second_hz)) == pytest.approx([480, 620], abs=3)
    assert peaks.share + peaks.second_share > 0.98


def test_noise_and_silence_have_no_sines() -> None:
    noise = np.random.default_rng(1).normal(0, 1000, 1600).astype(np.int16)
    assert last(noise).share < 0.3
    assert last(np.zeros(1600, np.int16)).share == 0


def test_speech_is_hardly_ever_a_sine() -> None:
    pcm = audio.speech("caller")
    finder = PeakFinder()
    frames = [pcm[start : start + 160] for start in range(0, len(pcm) - 159, 160)]
    shares = [finder.find(frame).share for frame in frames if np.abs(frame).max() > 500]
    assert np.mean(np.array(shares) > 0.88) < 0.05
