"""The other side's clock against ours, out of arrival times alone."""

import random

import pytest

from sipua.rtp.receive.drift import ClockDrift


def fed(
    ppm: float, *, seconds: int, noise_ms: float, seed: int = 1, step_s: float = 4.0
) -> ClockDrift:
    """Points every `step_s`; its clock stamps `ppm` more than the time that went by."""
    rng = random.Random(seed)
    drift = ClockDrift()
    at = 1000.0
    while at < 1000 + seconds:
        transit = 77.0 - at * ppm * 1e-6 + abs(rng.gauss(0, noise_ms)) / 1000
        drift.add(at, transit)
        at += step_s
    return drift


@pytest.mark.parametrize("ppm", [-200, -20, 0, 20, 200])
def test_R13_drift_is_known_within_a_minute_on_a_quiet_network(ppm: float) -> None:
    told = fed(ppm, seconds=60, noise_ms=0.1).ppm
    assert told == pytest.approx(ppm, abs=5)


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_R13_drift_is_known_within_two_hours_on_a_noisy_one(ppm: float) -> None:
    told = fed(ppm, seconds=7200, noise_ms=10).ppm
    assert told == pytest.approx(ppm, abs=2)


def test_what_is_not_known_is_not_told() -> None:
    assert ClockDrift().ppm is None
    assert fed(50, seconds=8, noise_ms=0).ppm is None
    assert fed(50, seconds=60, noise_ms=10).ppm is None


def test_what_is_told_is_right() -> None:
    """Nine of ten times within the 50 ppm of its own claim, on a network too noisy for a minute."""
    told = [fed(0, seconds=300, noise_ms=4, seed=seed).ppm for seed in range(100)]
    errors = [abs(ppm) for ppm in told if ppm is not None]
    assert len(errors) > 50
    assert sum(error <= 50 for error in errors) >= 0.9 * len(errors)


def test_a_clock_set_anew_begins_anew() -> None:
    drift = fed(100, seconds=600, noise_ms=0.1)
    drift.add(1604.0, 3677.0)  # an hour
    assert drift.ppm is None
    for number in range(1, 60):
        drift.add(1604.0 + 4 * number, 3677.0 + 4 * number * 50e-6)
    assert drift.ppm == pytest.approx(-50, abs=0.1)
