"""Hours in which people may be called, in each zone of their number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sipua.config.values.calling_hours import allowed, parse
from sipua.config.values.hours import HoursError, hours

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "days", "begin", "end"),
    [
        ("mon-fri 09:00-20:00", {0, 1, 2, 3, 4}, 540, 1200),
        ("sat,sun 10:30-24:00", {5, 6}, 630, 1440),
        ("Fri-Mon 00:00-24:00", {4, 5, 6, 0}, 0, 1440),
        ("wed 08:00-08:01", {2}, 480, 481),
        ("Mo-Fr 9:00-20:00", {0, 1, 2, 3, 4}, 540, 1200),
        ("mon-tue,wed-thu,fri-sat,sun-sun 09:00-20:00", set(range(7)), 540, 1200),
    ],
)
def test_what_can_be_said(text: str, days: set[int], begin: int, end: int) -> None:
    span = parse(text)
    assert (span.days, span.begin, span.end) == (days, begin, end)
    assert hours("office", "UTC", [text]).spans == (span,), "business hours are written alike"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "09:00-20:00",
        "mon 20:00-08:00",
        "mon 09:00-09:00",
        "mon 25:00-26:00",
    ],
)
def test_what_cannot(text: str) -> None:
    with pytest.raises(HoursError):
        parse(text)


def test_the_hour_is_that_of_the_called_number() -> None:
    spans = [parse("mon-fri 08:00-21:00")]
    evening_in_berlin = MONDAY.replace(hour=20, minute=30)  # 21:30 there, 15:30 in New York
    assert not allowed(spans, ["Europe/Berlin"], evening_in_berlin)
    assert allowed(spans, ["America/New_York"], evening_in_berlin)


def test_of_several_zones_all_must_allow() -> None:
    spans = [parse("mon-sun 08:00-21:00")]
    morning = MONDAY.replace(hour=14)  # 09:00 in New York, 06:00 in Los Angeles
    assert allowed(spans, ["America/New_York"], morning)
    assert not allowed(spans, ["America/New_York", "America/Los_Angeles"], morning)


def test_a_zone_that_is_not_there_allows_nothing() -> None:
    assert not allowed([parse("mon-sun 00:00-24:00")], ["Moon/Tranquillity"], MONDAY)


def test_the_day_is_the_local_one() -> None:
    spans = [parse("mon 00:00-24:00")]
    assert allowed(spans, ["Pacific/Auckland"], datetime(2026, 11, 29, 23, 0, tzinfo=UTC))
    assert not allowed(spans, ["Pacific/Auckland"], MONDAY.replace(hour=12))
