"""Taps of the 8 kHz <-> 24 kHz filter, x 2^20, by scripts/sound/design_fir.py.

72 taps at 24000 Hz, delay 1.48 ms. Ripple up to 3400 Hz: 0.038 dB.
Rejection from 4600 Hz: 73.0 dB.

The filter is symmetric; this is its first half.
"""

FRACTION_BITS = 20
# fmt: off
HALF_TAPS = (
    -183, 41, 547, 1042, 865, -237, -1503, -1551,
    215, 2494, 2822, 36, -3823, -4708, -568, 5579,
    7423, 1525, -7870, -11285, -3127, 10892, 16852, 5757,
    -15057, -25293, -10235, 21404, 39653, 18829, -33343, -71173,
    -41541, 70929, 221500, 328534,
)
# fmt: on
TAPS = HALF_TAPS + HALF_TAPS[::-1]
