"""How well a call was heard over its last ten minutes: one point for each five seconds."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sipua.calls.sample import Sample
from sipua.rtp.receive.quality import mos, r_factor

MOST_POINTS: Final = 120
EVERY_S: Final = 5.0
_SLACK_S: Final = 0.7
"""A round of samples may come a little early; the last one of a call comes when it ends."""
_COLUMNS: Final = 8
_PACKET_MS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Point:
    """`in`: from the caller; `out`: to the caller, by the other side's reports. None: not known."""

    at_s: float
    """Since the first sample."""
    packets_in: int
    """Since the point before."""
    loss_in: float
    """The share of those that were to come since the point before."""
    jitter_in_ms: float
    hold_ms: float
    loss_out: float | None
    jitter_out_ms: float | None
    round_trip_ms: float | None

    @property
    def mos_in(self) -> float | None:
        """As the engine hears the caller; None: nothing came."""
        return heard_mos(self.loss_in, self) if self.packets_in else None

    @property
    def mos_out(self) -> float | None:
        """As the caller hears us."""
        return spoken_mos(self)


def heard_mos(loss: float, of: Point | Sample) -> float:
    return _mos(loss, of.round_trip_ms, of.hold_ms)


def spoken_mos(of: Point | Sample) -> float | None:
    """What the other side's buffer adds is not known: twice the jitter is usual."""
    if of.loss_out is None:
        return None
    return _mos(of.loss_out, of.round_trip_ms, 2 * (of.jitter_out_ms or 0.0))


def _mos(loss: float, round_trip_ms: float | None, held_ms: float) -> float:
    """From mouth to ear it is half of the way there and back, a packet, and the wait for late
    ones."""
    return round(mos(r_factor(loss, (round_trip_ms or 0.0) / 2 + _PACKET_MS + held_ms)), 2)


class CallQuality:
    """Of one call. Points are kept as single floats: a thousand calls have 120,000 of them."""

    def __init__(self) -> None:
        self.latest: Sample | None = None
        self._began_s = 0.0
        self._at: Sample | None = None
        """Of the last point."""
        self._points = array("f")

    def take(self, sample: Sample, *, last: bool = False) -> None:
        """`last`: the call has ended."""
        if self.latest is None:
            self._began_s = sample.at_s
        self.latest = sample
        passed_s = math.inf if self._at is None else sample.at_s - self._at.at_s
        if passed_s >= EVERY_S - _SLACK_S or (last and passed_s >= _SLACK_S):
            self._add(sample)

    def _add(self, sample: Sample) -> None:
        before, self._at = self._at, sample
        expected = sample.expected_in - (before.expected_in if before else 0)
        lost = sample.lost_in - (before.lost_in if before else 0)
        packets = sample.packets_in - (before.packets_in if before else 0)
        self._points.extend(
            (
                sample.at_s - self._began_s,
                max(0, packets),
                min(1.0, max(0.0, lost / expected)) if expected > 0 else 0.0,
                sample.jitter_in_ms,
                sample.hold_ms,
                _or_nan(sample.loss_out),
                _or_nan(sample.jitter_out_ms),
                _or_nan(sample.round_trip_ms),
            )
        )
        if len(self._points) > MOST_POINTS * _COLUMNS:
            del self._points[:_COLUMNS]

    @property
    def began_s(self) -> float:
        """The zero of the points, as Unix time."""
        return self._began_s

    @property
    def last(self) -> Point | None:
        return self._point(len(self._points) - _COLUMNS) if self._points else None

    def points(self) -> Iterator[Point]:
        return (self._point(at) for at in range(0, len(self._points), _COLUMNS))

    def _point(self, at: int) -> Point:
        row = self._points[at : at + _COLUMNS]
        return Point(
            at_s=round(row[0], 2),
            packets_in=int(row[1]),
            loss_in=round(row[2], 4),
            jitter_in_ms=round(row[3], 2),
            hold_ms=round(row[4], 1),
            loss_out=_or_none(row[5], 4),
            jitter_out_ms=_or_none(row[6], 2),
            round_trip_ms=_or_none(row[7], 2),
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _or_none(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(value, digits)
