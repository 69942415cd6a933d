"""Taps of the filters between 8 kHz and a multiple of it, x 2^20.

They are from scripts/sound/design_fir.py. Each filter is symmetric; here is its first half.
"""

FRACTION_BITS = 20
# fmt: off
HALVES = {
    # 48 taps at 16000 Hz, delay 1.47 ms.
    # Ripple up to 3400 Hz: 0.039 dB. Rejection from 4600 Hz: 72.9 dB.
    2: (
        -188, 612, 1609, 136, -2506, -528, 4252, 1437,
        -6688, -2978, 10001, 5424, -14458, -9195, 20525, 15035,
        -29173, -24526, 42835, 42002, -69676, -85654, 161900, 465264,
    ),
    # 72 taps at 24000 Hz, delay 1.48 ms.
    # Ripple up to 3400 Hz: 0.038 dB. Rejection from 4600 Hz: 73.0 dB.
    3: (
        -183, 41, 547, 1042, 865, -237, -1503, -1551,
        215, 2494, 2822, 36, -3823, -4708, -568, 5579,
        7423, 1525, -7870, -11285, -3127, 10892, 16852, 5757,
        -15057, -25293, -10235, 21404, 39653, 18829, -33343, -71173,
        -41541, 70929, 221500, 328534,
    ),
}
# fmt: on
TAPS = {ratio: half + half[::-1] for ratio, half in HALVES.items()}
"""By how many times 8 kHz the other rate is."""
