"""Samples of a call become points of its last ten minutes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipua.calls.sample import Sample
from sipua.control.view.quality import MOST_POINTS, CallQuality

SAMPLE = Sample(
    call_id="c-1",
    at_s=1000.0,
    talk="none",
    interruptions=0,
    remote="192.0.2.1:9",
    ssrc=1,
    packets_in=0,
    bytes_in=0,
    expected_in=0,
    lost_in=0,
    reordered=0,
    late=0,
    discarded=0,
    jitter_in_ms=2.5,
    hold_ms=20.0,
    packets_out=0,
    bytes_out=0,
    lost_out=None,
    loss_out=None,
    jitter_out_ms=None,
    round_trip_ms=None,
)


def after(seconds: float, *, lost: int = 0, **changes: float) -> Sample:
    """50 packets a second."""
    expected = int(50 * seconds)
    return replace(
        SAMPLE,
        at_s=1000 + seconds,
        packets_in=expected - lost,
        expected_in=expected,
        lost_in=lost,
        **changes,  # type: ignore[arg-type]
    )


def test_loss_is_that_of_the_last_five_seconds() -> None:
    quality = CallQuality()
    for second in range(11):
        quality.take(after(second, lost=25 if second >= 10 else 0))
    points = list(quality.points())
    assert [point.at_s for point in points] == [0, 5, 10]
    assert [point.loss_in for point in points] == [0, 0, 0.1]
    assert [point.packets_in for point in points] == [0, 250, 225]
    assert points[0].mos_in is None, "nothing came"
    good, bad = points[1].mos_in, points[2].mos_in
    assert good is not None
    assert bad is not None
    assert bad < 3.6
    assert good > 4.3


def test_what_the_other_side_has_not_reported_is_not_known() -> None:
    quality = CallQuality()
    quality.take(SAMPLE)
    quality.take(after(5, loss_out=0.0, jitter_out_ms=4.0, round_trip_ms=40.0))
    unknown, known = quality.points()
    assert (unknown.loss_out, unknown.jitter_out_ms, unknown.round_trip_ms) == (None, None, None)
    assert unknown.mos_out is None
    assert (known.loss_out, known.jitter_out_ms, known.round_trip_ms) == (0, 4, 40)
    assert known.mos_out is not None


def test_a_short_call_has_its_end() -> None:
    quality = CallQuality()
    quality.take(after(0.2))
    quality.take(after(2.0), last=True)
    assert [point.at_s for point in quality.points()] == [0, pytest.approx(1.8)]


def test_ten_minutes_are_kept() -> None:
    quality = CallQuality()
    for number in range(3 * MOST_POINTS):
        quality.take(after(5 * number))
    points = list(quality.points())
    assert len(points) == MOST_POINTS
    assert points[-1].at_s == 5 * (3 * MOST_POINTS - 1)
    assert quality.last == points[-1]


def test_counts_that_go_back_are_no_fault() -> None:
    """The oldest streams of a call with many are not counted any more."""
    quality = CallQuality()
    quality.take(after(100, lost=50))
    quality.take(replace(SAMPLE, at_s=1105.0))
    last = quality.last
    assert last is not None
    assert (last.packets_in, last.loss_in) == (0, 0)
