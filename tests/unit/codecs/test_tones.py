import numpy as np
import pytest

from sipua.codecs.tones import sine


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
def test_frequency_length_and_level(rate_hz: int) -> None:
    tone = sine(440, 1000, rate_hz, level_dbfs=-6.0)
    assert tone.dtype == np.int16
    assert len(tone) == rate_hz
    assert int(np.argmax(np.abs(np.fft.rfft(tone)))) == 440
    assert abs(tone).max() == pytest.approx(32767 * 10 ** (-6 / 20), rel=1e-3)


def test_full_scale_does_not_overflow() -> None:
    assert sine(1000, 20, 8000, level_dbfs=0.0).max() == 32767
