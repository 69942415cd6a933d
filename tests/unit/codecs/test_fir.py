"""The committed taps are what the design script makes, and do what their module says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sipua.codecs import fir

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "sound" / "design_fir.py"
MODULE = ROOT / "codecs" / "fir.py"


RATIOS = pytest.mark.parametrize("ratio", [2, 3])


@pytest.mark.slow
@RATIOS
def test_the_design_script_reproduces_the_taps(ratio: int) -> None:
    spec = importlib.util.spec_from_file_location("design_fir", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    # Another LAPACK may move a tap by one in the last place.
    assert np.abs(script.design(ratio) - np.array(fir.HALVES[ratio])).max() <= 1


@RATIOS
def test_response(ratio: int) -> None:
    gain = np.abs(np.fft.rfft(np.array(fir.TAPS[ratio]) / 2**fir.FRACTION_BITS, 1 << 16))
    frequency_hz = np.arange(len(gain)) * ratio * 8000 / (1 << 16)
    passband_db = 20 * np.log10(gain[frequency_hz <= 3400])
    rejection_db = -20 * np.log10(gain[frequency_hz >= 4600].max())
    assert passband_db.max() - passband_db.min() < 0.04
    assert rejection_db > 72.8
    assert f"Rejection from 4600 Hz: {rejection_db:.1f} dB" in MODULE.read_text()


@RATIOS
def test_symmetric_so_the_phase_is_linear(ratio: int) -> None:
    taps = fir.TAPS[ratio]
    assert taps[::-1] == taps
    assert len(taps) == 24 * ratio
