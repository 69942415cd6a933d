import random

import pytest

from sipua.rtp.receive.stats import ReceiveStats


def test_nothing_received_is_all_zero() -> None:
    snapshot = ReceiveStats(1).snapshot()
    assert snapshot.pop("ssrc") == 1
    assert set(snapshot.values()) == {0}


def test_lost_is_expected_minus_received_without_duplicates() -> None:
    stats = ReceiveStats(1)
    stats.start(100)
    for sequence in (100, 101, 101, 105):
        stats.count(160, 0.0)
        stats.highest = sequence
    stats.duplicates = 1
    assert (stats.expected, stats.received, stats.lost) == (6, 4, 3)


def test_loss_before_a_restart_is_kept() -> None:
    stats = ReceiveStats(1)
    stats.start(10)
    stats.highest = 19
    for _ in range(8):
        stats.count(160, 0.0)
    stats.start(5000)
    stats.count(160, 0.0)
    assert (stats.expected, stats.lost) == (11, 2)


def test_longest_gap_between_arrivals() -> None:
    stats = ReceiveStats(1)
    for now in (7.0, 7.02, 7.5, 7.52):
        stats.count(160, now)
    assert stats.snapshot()["max_gap_ms"] == pytest.approx(480)


def test_jitter_is_that_of_rfc_3550_a_8() -> None:
    rng = random.Random(3)
    stats = ReceiveStats(1)
    jitter = 0.0
    transit = None
    for index in range(500):
        now = 3.0 + index * 0.02 + rng.uniform(0, 0.03)
        stats.measure_jitter(index * 160, now)
        arrival = now * 8000 - index * 160
        if transit is not None:
            jitter += (abs(arrival - transit) - jitter) / 16
        transit = arrival
    assert stats.jitter_samples == pytest.approx(jitter)
    assert stats.jitter_ms == pytest.approx(jitter / 8)


def test_even_arrivals_have_no_jitter() -> None:
    stats = ReceiveStats(1)
    for index in range(100):
        stats.measure_jitter(index * 160, 5.0 + index * 0.02)
    assert stats.jitter_ms == pytest.approx(0, abs=1e-6)


def test_a_clock_set_anew_is_no_jitter() -> None:
    stats = ReceiveStats(1)
    for index in range(100):
        jump = 3600 * 8000 if index >= 50 else 0
        stats.measure_jitter(index * 160 + jump, 5.0 + index * 0.02)
    assert stats.jitter_ms == pytest.approx(0, abs=1e-6)
