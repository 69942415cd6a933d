"""The call path's resampler: exact counts, exact arithmetic, G.711's own quality."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sipua.codecs import fir
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.resample import (
    Downsampler,
    Unchanged,
    Upsampler,
    downsampler,
    upsampler,
)

BOTH_RATIOS = pytest.mark.parametrize("ratio", [2, 3])


def noise(samples: int, peak: int = 32767, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).integers(-peak, peak + 1, samples).astype(np.int16)


def telephone_band(rate_hz: int, seconds: float = 4.0, level_dbfs: float = -15.0) -> Pcm:
    """Many sines from 300 to 3400 Hz with seeded phases: the same signal at any rate."""
    rng = np.random.default_rng(7)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    frequencies_hz = np.linspace(311, 3391, 40)
    signal = np.zeros(len(time_s))
    for frequency_hz, phase in zip(frequencies_hz, rng.uniform(0, 2 * np.pi, 40), strict=True):
        signal += np.sin(2 * np.pi * frequency_hz * time_s + phase)
    signal *= 32767 * 10 ** (level_dbfs / 20) / np.sqrt(2) / np.sqrt(np.mean(signal**2))
    return np.rint(signal).astype(np.int16)


def snr_db(reference: Pcm, test: Pcm) -> float:
    reference_f, error = reference.astype(float), test.astype(float) - reference
    return float(10 * np.log10(np.sum(reference_f**2) / np.sum(error**2)))


def straight_filter_up(ratio: int, pcm: Pcm) -> Pcm:
    """The definition, in integers: zeros between the samples, then convolution."""
    stuffed = np.zeros(len(pcm) * ratio, np.int64)
    stuffed[::ratio] = pcm
    return saturate(np.convolve(stuffed, ratio * np.array(fir.TAPS[ratio]))[: len(stuffed)])


def straight_filter_down(ratio: int, pcm: Pcm) -> Pcm:
    filtered = np.convolve(pcm.astype(np.int64), fir.TAPS[ratio])
    return saturate(filtered[ratio - 1 : len(pcm) : ratio])


def up_by(ratio: int) -> Upsampler:
    return Upsampler(ratio * 8000)


def down_by(ratio: int) -> Downsampler:
    return Downsampler(ratio * 8000)


def saturate(scaled: NDArray[np.int64]) -> Pcm:
    rounded = np.rint(scaled / 2**fir.FRACTION_BITS)
    return np.clip(rounded, -32768, 32767).astype(np.int16)


def in_chunks(sizes: list[int], pcm: Pcm) -> list[Pcm]:
    return np.split(pcm, np.cumsum(sizes)[np.cumsum(sizes) < len(pcm)])


chunk_sizes = st.lists(st.one_of(st.integers(0, 700), st.just(160), st.just(480)), max_size=12)


@BOTH_RATIOS
class TestUp:
    def test_a_frame_of_160_is_a_frame_at_once(self, ratio: int) -> None:
        up = up_by(ratio)
        for _ in range(5):
            assert up.process(noise(160)).shape == (160 * ratio,)

    @given(sizes=chunk_sizes)
    @settings(deadline=None, max_examples=60)
    def test_any_chunking_is_bit_identical(self, ratio: int, sizes: list[int]) -> None:
        pcm = noise(2000)
        up = up_by(ratio)
        pieces = [up.process(chunk) for chunk in in_chunks(sizes, pcm)]
        assert all(
            len(out) == ratio * len(chunk)
            for out, chunk in zip(pieces, in_chunks(sizes, pcm), strict=True)
        )
        assert np.array_equal(np.concatenate(pieces), straight_filter_up(ratio, pcm))

    def test_long_input_at_once(self, ratio: int) -> None:
        pcm = noise(8001)
        assert np.array_equal(up_by(ratio).process(pcm), straight_filter_up(ratio, pcm))

    def test_full_scale_saturates_and_never_wraps(self, ratio: int) -> None:
        square = np.where(np.arange(1600) // 8 % 2, 32767, -32768).astype(np.int16)
        out = up_by(ratio).process(square)
        assert out.max() == 32767
        assert out.min() == -32768
        assert np.array_equal(out, straight_filter_up(ratio, square))

    def test_silence_is_exactly_zero_and_a_level_is_kept(self, ratio: int) -> None:
        up = up_by(ratio)
        assert not up.process(np.zeros(160, np.int16)).any()
        flat = up.process(np.full(1600, 10_000, np.int16))[200:]
        assert np.abs(flat - 10_000).max() <= 25  # ripple of 0.02 dB

    def test_reset_forgets(self, ratio: int) -> None:
        up = up_by(ratio)
        first = up.process(noise(160))
        up.reset()
        assert np.array_equal(up.process(noise(160)), first)

    def test_the_result_is_the_callers_own(self, ratio: int) -> None:
        up = up_by(ratio)
        first = up.process(noise(160))
        kept = first.copy()
        up.process(noise(160, seed=2))
        assert np.array_equal(first, kept)


@BOTH_RATIOS
class TestDown:
    @given(sizes=chunk_sizes)
    @settings(deadline=None, max_examples=60)
    def test_any_chunking_is_bit_identical_and_counts_are_exact(
        self, ratio: int, sizes: list[int]
    ) -> None:
        pcm = noise(3000)
        down = down_by(ratio)
        taken = given_out = 0
        pieces = []
        for chunk in in_chunks(sizes, pcm):
            pieces.append(down.process(chunk))
            taken += len(chunk)
            given_out += len(pieces[-1])
            assert given_out == taken // ratio
        assert np.array_equal(np.concatenate(pieces), straight_filter_down(ratio, pcm))

    def test_a_frame_gives_exactly_160(self, ratio: int) -> None:
        down = down_by(ratio)
        for _ in range(5):
            assert down.process(noise(160 * ratio)).shape == (160,)

    def test_long_input_at_once(self, ratio: int) -> None:
        pcm = noise(24_002)
        assert np.array_equal(down_by(ratio).process(pcm), straight_filter_down(ratio, pcm))

    def test_full_scale_saturates_and_never_wraps(self, ratio: int) -> None:
        square = np.where(np.arange(4800) // 24 % 2, 32767, -32768).astype(np.int16)
        out = down_by(ratio).process(square)
        assert out.max() == 32767
        assert out.min() == -32768

    @pytest.mark.parametrize("samples", [1, 2, 3, 32, 33, 34, 480, 481, 24_000])
    def test_flush_completes_the_stream(self, ratio: int, samples: int) -> None:
        pcm = noise(samples, peak=10_000)
        down = down_by(ratio)
        first, held = down.process(pcm), down.held_samples
        out = np.concatenate([first, down.flush()])
        assert held == len(out) - len(first)
        assert down.held_samples == 0
        assert len(out) - down_by(ratio).delay_samples == -(-samples // ratio)
        padded = np.concatenate([pcm, np.zeros(40, np.int16)])
        assert np.array_equal(out, straight_filter_down(ratio, padded)[: len(out)])

    def test_flush_leaves_a_fresh_stream_and_nothing_to_flush(self, ratio: int) -> None:
        down = down_by(ratio)
        first = down.process(noise(480))
        down.flush()
        assert not len(down.flush())
        assert np.array_equal(down.process(noise(480)), first)

    def test_reset_forgets(self, ratio: int) -> None:
        down = down_by(ratio)
        first = down.process(noise(481))
        down.reset()
        assert np.array_equal(down.process(noise(481)), first)


@BOTH_RATIOS
class TestPath:
    """Up and down again."""

    PAIR_DELAY = 23  # samples at 8 kHz: 2.875 ms

    def through(self, ratio: int, pcm: Pcm) -> Pcm:
        return down_by(ratio).process(up_by(ratio).process(pcm))

    def test_the_pair_delays_by_23_samples(self, ratio: int) -> None:
        impulse = np.zeros(160, np.int16)
        impulse[50] = 20_000
        out = self.through(ratio, impulse)
        assert int(np.argmax(out)) == 50 + self.PAIR_DELAY
        pcm = telephone_band(8000)
        correlation = np.correlate(
            self.through(ratio, pcm)[:4000].astype(float), pcm[:3900].astype(float)
        )
        assert int(np.argmax(correlation)) == self.PAIR_DELAY

    def test_aligned_down_is_within_a_fifth_of_a_sample(self, ratio: int) -> None:
        wide = telephone_band(ratio * 8000)
        out = down_by(ratio).process(wide)[down_by(ratio).delay_samples :]
        expected = telephone_band(8000)
        errors = [
            np.sum((out[100:20_000] - expected[100 + shift : 20_000 + shift]).astype(float) ** 2)
            for shift in (-1, 0, 1)
        ]
        assert min(errors) == errors[1]

    @pytest.mark.parametrize("law", list(Law))
    def test_path_snr_is_g711s_own_and_soxr_vhqs(self, ratio: int, law: Law) -> None:
        pcm = telephone_band(8000)
        limit_db = snr_db(pcm, decode(law, encode(law, pcm)))

        heard = decode(law, encode(law, pcm))
        wide = up_by(ratio).process(heard)
        again = decode(law, encode(law, down_by(ratio).process(wide)))
        skip = slice(400, -400)
        ours_db = snr_db(pcm[: -self.PAIR_DELAY][skip], again[self.PAIR_DELAY :][skip])

        ideal = soxr.resample(heard.astype(np.float64), 8000, ratio * 8000, quality="VHQ")
        back = soxr.resample(ideal, ratio * 8000, 8000, quality="VHQ")
        twice = decode(law, encode(law, np.rint(back).astype(np.int16)))
        soxr_db = snr_db(pcm[skip], twice[skip])

        # A good resampler brings most samples back to the very value that was decoded.
        assert ours_db > limit_db - 0.5
        assert ours_db > soxr_db - 0.2

    @pytest.mark.parametrize("law", list(Law))
    def test_up_behind_g711_is_within_half_a_db_of_soxr_vhq(self, ratio: int, law: Law) -> None:
        """Against the exact signal at the engine's rate."""
        rate_hz = ratio * 8000
        pcm, exact = telephone_band(8000), telephone_band(rate_hz)
        heard = decode(law, encode(law, pcm))
        ideal = soxr.resample(heard.astype(np.float64), 8000, rate_hz, quality="VHQ")
        # 35.5 (or 23.5) samples of delay: compare at twice the rate, where that is 71 (or 47).
        up = up_by(ratio)
        late = round(2 * up.delay_samples)
        assert late == {2: 47, 3: 71}[ratio]
        ours = soxr.resample(up.process(heard).astype(float), rate_hz, 2 * rate_hz, "VHQ")
        twice = soxr.resample(exact.astype(float), rate_hz, 2 * rate_hz, "VHQ")
        span = 100_000
        ours_db = snr_db(twice[5000 : 5000 + span], ours[5000 + late : 5000 + late + span])
        soxr_db = snr_db(exact[2500 : 2500 + span // 2], ideal[2500 : 2500 + span // 2])
        assert ours_db > soxr_db - 0.5

    def test_images_are_73_db_down(self, ratio: int) -> None:
        time_s = np.arange(8000) / 8000
        tone = np.rint(20_000 * np.sin(2 * np.pi * 3400 * time_s)).astype(np.int16)
        out = up_by(ratio).process(tone)[800 * ratio :].astype(float)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) ** 2
        frequency_hz = np.fft.rfftfreq(len(out), 1 / (ratio * 8000))
        image = spectrum[(frequency_hz > 4500) & (frequency_hz < 4700)].sum()
        signal = spectrum[(frequency_hz > 3300) & (frequency_hz < 3500)].sum()
        assert 10 * np.log10(image / signal) < -72


class TestUnchanged:
    """An engine that has the telephone's own rate."""

    def test_the_rate_says_what_is_needed(self) -> None:
        assert isinstance(upsampler(8000), Unchanged)
        assert isinstance(downsampler(8000), Unchanged)
        assert isinstance(upsampler(16_000), Upsampler)
        assert isinstance(downsampler(16_000), Downsampler)
        with pytest.raises(KeyError):
            upsampler(11_025)

    @pytest.mark.parametrize("law", list(Law))
    def test_samples_stay_as_they_are_and_nothing_is_held(self, law: Law) -> None:
        codes = bytes(range(256))
        up, down = upsampler(8000), downsampler(8000)
        pcm = decode(law, codes)
        assert up.decode(codes, law) == pcm.tobytes()
        assert np.array_equal(up.process(pcm), pcm)
        assert np.array_equal(down.process(pcm), pcm)
        assert (down.delay_samples, down.held_samples, len(down.flush())) == (0, 0, 0)
