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
from sipua.codecs.resample import Downsampler24to8, Upsampler8to24


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


def straight_filter_up(pcm: Pcm) -> Pcm:
    """The definition, in integers: zeros between the samples, then convolution."""
    stuffed = np.zeros(len(pcm) * 3, np.int64)
    stuffed[::3] = pcm
    return saturate(np.convolve(stuffed, 3 * np.array(fir.TAPS))[: len(stuffed)])


def straight_filter_down(pcm: Pcm) -> Pcm:
    return saturate(np.convolve(pcm.astype(np.int64), fir.TAPS)[2 : len(pcm) : 3])


def saturate(scaled: NDArray[np.int64]) -> Pcm:
    rounded = np.rint(scaled / 2**fir.FRACTION_BITS)
    return np.clip(rounded, -32768, 32767).astype(np.int16)


def in_chunks(sizes: list[int], pcm: Pcm) -> list[Pcm]:
    return np.split(pcm, np.cumsum(sizes)[np.cumsum(sizes) < len(pcm)])


chunk_sizes = st.lists(st.one_of(st.integers(0, 700), st.just(160), st.just(480)), max_size=12)


class TestUp:
    def test_a_frame_of_160_gives_480_at_once(self) -> None:
        up = Upsampler8to24()
        for _ in range(5):
            assert up.process(noise(160)).shape == (480,)

    @given(sizes=chunk_sizes)
    @settings(deadline=None, max_examples=60)
    def test_any_chunking_is_bit_identical(self, sizes: list[int]) -> None:
        pcm = noise(2000)
        up = Upsampler8to24()
        pieces = [up.process(chunk) for chunk in in_chunks(sizes, pcm)]
        assert all(
            len(out) == 3 * len(chunk)
            for out, chunk in zip(pieces, in_chunks(sizes, pcm), strict=True)
        )
        assert np.array_equal(np.concatenate(pieces), straight_filter_up(pcm))

    def test_long_input_at_once(self) -> None:
        pcm = noise(8001)
        assert np.array_equal(Upsampler8to24().process(pcm), straight_filter_up(pcm))

    def test_full_scale_saturates_and_never_wraps(self) -> None:
        square = np.where(np.arange(1600) // 8 % 2, 32767, -32768).astype(np.int16)
        out = Upsampler8to24().process(square)
        assert out.max() == 32767
        assert out.min() == -32768
        assert np.array_equal(out, straight_filter_up(square))

    def test_silence_is_exactly_zero_and_a_level_is_kept(self) -> None:
        up = Upsampler8to24()
        assert not up.process(np.zeros(160, np.int16)).any()
        flat = up.process(np.full(1600, 10_000, np.int16))[200:]
        assert np.abs(flat - 10_000).max() <= 25  # ripple of 0.02 dB

    def test_reset_forgets(self) -> None:
        up = Upsampler8to24()
        first = up.process(noise(160))
        up.reset()
        assert np.array_equal(up.process(noise(160)), first)

    def test_the_result_is_the_callers_own(self) -> None:
        up = Upsampler8to24()
        first = up.process(noise(160))
        kept = first.copy()
        up.process(noise(160, seed=2))
        assert np.array_equal(first, kept)


class TestDown:
    @given(sizes=chunk_sizes)
    @settings(deadline=None, max_examples=60)
    def test_any_chunking_is_bit_identical_and_counts_are_exact(self, sizes: list[int]) -> None:
        pcm = noise(3000)
        down = Downsampler24to8()
        taken = given_out = 0
        pieces = []
        for chunk in in_chunks(sizes, pcm):
            pieces.append(down.process(chunk))
            taken += len(chunk)
            given_out += len(pieces[-1])
            assert given_out == taken // 3
        assert np.array_equal(np.concatenate(pieces), straight_filter_down(pcm))

    def test_480_give_exactly_160(self) -> None:
        down = Downsampler24to8()
        for _ in range(5):
            assert down.process(noise(480)).shape == (160,)

    def test_long_input_at_once(self) -> None:
        pcm = noise(24_002)
        assert np.array_equal(Downsampler24to8().process(pcm), straight_filter_down(pcm))

    def test_full_scale_saturates_and_never_wraps(self) -> None:
        square = np.where(np.arange(4800) // 24 % 2, 32767, -32768).astype(np.int16)
        out = Downsampler24to8().process(square)
        assert out.max() == 32767
        assert out.min() == -32768

    @pytest.mark.parametrize("samples", [1, 2, 3, 32, 33, 34, 480, 481, 24_000])
    def test_flush_completes_the_stream(self, samples: int) -> None:
        pcm = noise(samples, peak=10_000)
        down = Downsampler24to8()
        out = np.concatenate([down.process(pcm), down.flush()])
        assert len(out) - Downsampler24to8.DELAY_SAMPLES == -(-samples // 3)
        padded = np.concatenate([pcm, np.zeros(40, np.int16)])
        assert np.array_equal(out, straight_filter_down(padded)[: len(out)])

    def test_flush_leaves_a_fresh_stream_and_nothing_to_flush(self) -> None:
        down = Downsampler24to8()
        first = down.process(noise(480))
        down.flush()
        assert not len(down.flush())
        assert np.array_equal(down.process(noise(480)), first)

    def test_reset_forgets(self) -> None:
        down = Downsampler24to8()
        first = down.process(noise(481))
        down.reset()
        assert np.array_equal(down.process(noise(481)), first)


class TestPath:
    """Up and down again."""

    PAIR_DELAY = 23  # samples at 8 kHz: 2.875 ms

    def through(self, pcm: Pcm) -> Pcm:
        return Downsampler24to8().process(Upsampler8to24().process(pcm))

    def test_the_pair_delays_by_23_samples(self) -> None:
        impulse = np.zeros(160, np.int16)
        impulse[50] = 20_000
        out = self.through(impulse)
        assert int(np.argmax(out)) == 50 + self.PAIR_DELAY
        pcm = telephone_band(8000)
        correlation = np.correlate(self.through(pcm)[:4000].astype(float), pcm[:3900].astype(float))
        assert int(np.argmax(correlation)) == self.PAIR_DELAY

    def test_aligned_down_is_within_a_fifth_of_a_sample(self) -> None:
        wide = telephone_band(24_000)
        out = Downsampler24to8().process(wide)[Downsampler24to8.DELAY_SAMPLES :]
        expected = telephone_band(8000)
        errors = [
            np.sum((out[100:20_000] - expected[100 + shift : 20_000 + shift]).astype(float) ** 2)
            for shift in (-1, 0, 1)
        ]
        assert min(errors) == errors[1]

    @pytest.mark.parametrize("law", list(Law))
    def test_path_snr_is_g711s_own_and_soxr_vhqs(self, law: Law) -> None:
        pcm = telephone_band(8000)
        limit_db = snr_db(pcm, decode(law, encode(law, pcm)))

        heard = decode(law, encode(law, pcm))
        wide = Upsampler8to24().process(heard)
        again = decode(law, encode(law, Downsampler24to8().process(wide)))
        skip = slice(400, -400)
        ours_db = snr_db(pcm[: -self.PAIR_DELAY][skip], again[self.PAIR_DELAY :][skip])

        ideal = soxr.resample(heard.astype(np.float64), 8000, 24_000, quality="VHQ")
        back = soxr.resample(ideal, 24_000, 8000, quality="VHQ")
        twice = decode(law, encode(law, np.rint(back).astype(np.int16)))
        soxr_db = snr_db(pcm[skip], twice[skip])

        # A good resampler brings most samples back to the very value that was decoded.
        assert ours_db > limit_db - 0.5
        assert ours_db > soxr_db - 0.2

    @pytest.mark.parametrize("law", list(Law))
    def test_up_behind_g711_is_within_half_a_db_of_soxr_vhq(self, law: Law) -> None:
        """Against the exact 24 kHz signal."""
        pcm, exact = telephone_band(8000), telephone_band(24_000)
        heard = decode(law, encode(law, pcm))
        ideal = soxr.resample(heard.astype(np.float64), 8000, 24_000, quality="VHQ")
        # 35.5 samples of delay: compare at 48 kHz, where that is 71.
        ours = soxr.resample(Upsampler8to24().process(heard).astype(float), 24_000, 48_000, "VHQ")
        exact48 = soxr.resample(exact.astype(float), 24_000, 48_000, "VHQ")
        span = 100_000
        ours_db = snr_db(exact48[5000 : 5000 + span], ours[5071 : 5071 + span])
        soxr_db = snr_db(exact[2500 : 2500 + span // 2], ideal[2500 : 2500 + span // 2])
        assert ours_db > soxr_db - 0.5

    def test_images_are_73_db_down(self) -> None:
        time_s = np.arange(8000) / 8000
        tone = np.rint(20_000 * np.sin(2 * np.pi * 3400 * time_s)).astype(np.int16)
        out = Upsampler8to24().process(tone)[2400:].astype(float)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) ** 2
        frequency_hz = np.fft.rfftfreq(len(out), 1 / 24_000)
        image = spectrum[(frequency_hz > 4500) & (frequency_hz < 4700)].sum()
        signal = spectrum[(frequency_hz > 3300) & (frequency_hz < 3500)].sum()
        assert 10 * np.log10(image / signal) < -72
