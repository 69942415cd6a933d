"""The committed taps are what the design script makes, and do what their module says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sipua.codecs import fir

SCRIPT = Path(__file__).parents[3] / "scripts" / "sound" / "design_fir.py"


@pytest.mark.slow
def test_the_design_script_reproduces_the_taps() -> None:
    spec = importlib.util.spec_from_file_location("design_fir", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    # Another LAPACK may move a tap by one in the last place.
    assert np.abs(script.design() - np.array(fir.HALF_TAPS)).max() <= 1


def test_response() -> None:
    gain = np.abs(np.fft.rfft(np.array(fir.TAPS) / 2**fir.FRACTION_BITS, 1 << 16))
    frequency_hz = np.arange(len(gain)) * 24_000 / (1 << 16)
    passband_db = 20 * np.log10(gain[frequency_hz <= 3400])
    rejection_db = -20 * np.log10(gain[frequency_hz >= 4600].max())
    assert passband_db.max() - passband_db.min() < 0.04
    assert rejection_db > 72.9
    assert f"{rejection_db:.1f} dB" in (fir.__doc__ or "")


def test_symmetric_so_the_phase_is_linear() -> None:
    assert fir.TAPS[::-1] == fir.TAPS
    assert len(fir.TAPS) == 72
