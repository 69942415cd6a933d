"""Bursts and gaps, by hand: `.` is a packet that came, `x` one that did not."""

import pytest

from sipua.rtp.receive.bursts import BurstCounter, Bursts


def counted(pattern: str, first: int = 100) -> Bursts:
    counter = BurstCounter()
    counter.start(first, 0)
    at = 0
    while (at := pattern.find("x", at)) >= 0:
        end = at
        while pattern[end : end + 1] == "x":
            end += 1
        counter.missing(first + at, end - at)
        at = end
    return counter.figures(first + len(pattern) - 1, 20)


def test_without_loss_all_is_one_gap() -> None:
    assert counted("." * 100) == Bursts(0, 0, 0, 2000)


@pytest.mark.parametrize("first", [0, 100, 65_530])
def test_single_losses_far_apart_are_no_burst(first: int) -> None:
    found = counted("." * 20 + "x" + "." * 16 + "x" + "." * 62, first)
    assert found == Bursts(0, 2 / 100, 0, 2000)


def test_fifteen_packets_between_two_losses_are_a_burst_and_sixteen_are_not() -> None:
    near = counted("." * 40 + "x" + "." * 15 + "x" + "." * 40)
    assert near.burst_ms == 17 * 20
    assert near.burst_density == pytest.approx(2 / 17, abs=0.01)
    assert near.gap_density == 0
    assert counted("." * 40 + "x" + "." * 16 + "x" + "." * 40).burst_ms == 0


def test_a_burst_of_losses_in_a_row() -> None:
    found = counted("." * 50 + "xxxxx" + "." * 45)
    assert (found.burst_density, found.burst_ms) == (1.0, 5 * 20)
    # 95 that came, and the transition back (A.2 counts it).
    assert found.gap_ms == 96 * 20


def test_the_example_with_every_kind_of_transition() -> None:
    # c11 = 30 + 20 + 30 = 80, one alone in the gap; burst: x..xx.x, so c33 = 1, c23 = 2, c22 = 1.
    found = counted("." * 30 + "x" + "." * 20 + "x..xx.x" + "." * 30)
    p23, p32 = 1 - 1 / 3, 2 / (1 + 2 + 1)
    assert found.burst_density == pytest.approx(p23 / (p23 + p32))  # 0.571, and 4 of 7 is 0.571
    assert found.gap_density == 1 / 81
    assert found.burst_ms == (1 + 2 + 1 + 2 + 1) * 20
    assert found.gap_ms == (80 + 1 + 1) * 20


def test_durations_are_means() -> None:
    found = counted("." * 50 + "xx" + "." * 50 + "xxxx" + "." * 50)
    assert found.burst_ms == (2 + 4) * 20 / 2
    assert found.gap_ms == (150 + 2) * 20 / 2


def test_a_loss_at_the_very_begin_and_nothing_else() -> None:
    assert counted("x").gap_density == 1.0
    assert counted("..x" + "." * 30).burst_ms == 0


def test_numbers_that_begin_anew_go_on() -> None:
    counter = BurstCounter()
    counter.start(100, 0)
    counter.missing(150, 1)
    counter.start(60_000, 199)  # the sender began anew: near nothing before
    counter.missing(60_001, 2)
    found = counter.figures(60_049, 20)
    assert found.burst_ms == 2 * 20
    assert found.gap_density == 1 / (50 + 49 + 1 + 47 + 1)


def test_nothing_missing_counts_nothing() -> None:
    counter = BurstCounter()
    counter.start(5, 0)
    counter.missing(9, 0)
    assert counter.figures(14, 20) == Bursts(0, 0, 0, 200)
