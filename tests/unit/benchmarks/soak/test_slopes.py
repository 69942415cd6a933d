"""What counts as growth: slopes of samples that are noisy, stepped, or wild."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sipua.bench.results.soak import Growth
from sipua.bench.soak.slopes import of_all, slope, stretches, theil_sen

ENDED = np.arange(0, 10_000, 20)


def noise(seed: int, size: float = 1.0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, size, len(ENDED))


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_is_found_in_noise_ten_times_its_size(seed: int) -> None:
    leak = 100 + 0.5 * ENDED / 1000 + noise(seed)
    found = slope("edge", "pss_mb", ENDED, leak, 1000)
    assert found.growth == "grows"
    assert 0 < found.low < found.per_1000 < found.high
    assert found.per_1000 == pytest.approx(0.5, abs=0.25)


def test_noise_alone_is_no_leak_but_for_its_share() -> None:
    grown = [
        slope("edge", "pss_mb", ENDED, 100 + noise(seed), 1000).growth == "grows"
        for seed in range(200)
    ]
    assert sum(grown) <= 10  # 95 % limits, and half of what is outside shrinks


@pytest.mark.parametrize(
    ("values", "growth"),
    [
        (100 + 30 * (ENDED % 700) / 700, "none"),  # garbage that is collected from time to time
        (np.minimum(100 + ENDED / 10, 160), "none"),  # grows in the warm-up only
        (100 + 0.01 * ENDED / 1000, "negligible"),  # surely, but ten bytes a call
        (100 - ENDED / 1000, "shrinks"),
        (100 + ENDED / 1000, "grows"),
        (100 + np.minimum(ENDED, 5000) / 1000 + ENDED / 50_000, "settled"),  # nearly
        (100 + np.maximum(ENDED - 5000, 0) / 1000, "grows"),  # late, and it goes on
        (np.full(len(ENDED), 24.0), "none"),
    ],
)
def test_shapes(values: npt.NDArray[np.float64], growth: Growth) -> None:
    assert slope("edge", "pss_mb", ENDED, values, 1000).growth == growth


def test_wild_samples_move_nothing() -> None:
    values = 100 + noise(1, 0.05)
    values[::10] += 500
    found = slope("edge", "pss_mb", ENDED, values, 1000)
    assert abs(found.per_1000) < 0.05


def test_one_descriptor_in_a_thousand_calls_is_a_leak() -> None:
    assert slope("edge", "descriptors", ENDED, 24 + ENDED // 1000, 1000).growth == "grows"


def test_too_few_samples_tell_nothing() -> None:
    assert slope("edge", "pss_mb", ENDED[:60], ENDED[:60], 1000).growth == "unknown"
    assert slope("edge", "pss_mb", [], [], 1000).growth == "unknown"


def test_stretches_are_told_by_their_medians() -> None:
    x, y = stretches(np.arange(36.0), np.r_[np.zeros(35), 1e6])
    assert list(x) == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34]
    assert not y.any()


def test_the_slope_of_a_line_is_exact() -> None:
    x = np.arange(10.0)
    assert theil_sen(x, 3 * x + 1) == (3, 3, 3)
    assert theil_sen(np.zeros(3), np.arange(3.0)) == (0, 0, 0)  # no calls have ended


def test_many_slopes_without_growth_are_none_together() -> None:
    def grown(limits: float) -> int:
        return sum(
            any(
                slope(
                    "edge", "tasks", ENDED, 20 + noise(100 * run + one, 9), 1000, limits=limits
                ).growth
                == "grows"
                for one in range(40)
            )
            for run in range(20)
        )

    assert grown(of_all(40)) <= 2
    assert grown(of_all(1)) > 2  # each for itself: hardly a run would be good
