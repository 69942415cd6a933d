"""Business hours: spans, zones, holidays, and the days on which the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sipua.config.values.hours import HoursError, hours, zone_named

OFFICE = hours(
    "office",
    "Europe/Berlin",
    ["Mo-Fr 08:00-18:00", "Sa 10:00-14:00"],
    ["12-25", "2026-12-28"],
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-30T06:59:59", False),  # a Monday; Berlin is at +1
        ("2026-11-30T07:00:00", True),
        ("2026-11-30T16:59:59", True),
        ("2026-11-30T17:00:00", False),
        ("2026-07-06T05:59:59", False),  # a Monday in summer: +2
        ("2026-07-06T06:00:00", True),
        ("2026-12-05T09:00:00", True),  # Saturday
        ("2026-12-05T13:00:00", False),
        ("2026-12-06T10:00:00", False),  # Sunday
        ("2026-12-25T10:00:00", False),  # each year's
        ("2029-12-25T10:00:00", False),
        ("2026-12-28T10:00:00", False),  # of one year
        ("2027-12-28T10:00:00", True),
    ],
)
def test_open_by_the_clock_of_its_zone(at: str, is_open: bool) -> None:
    assert OFFICE.is_open(utc(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-12-04T21:59:00", False),  # Friday
        ("2026-12-04T22:00:00", True),
        ("2026-12-05T05:59:00", True),
        ("2026-12-05T06:00:00", False),
        ("2026-12-25T22:30:00", False),  # a Friday, and a holiday: it does not begin
        ("2026-12-26T03:00:00", False),
        ("2027-01-02T03:00:00", True),  # began on a day that is none
    ],
)
def test_a_span_over_midnight(at: str, is_open: bool) -> None:
    night = hours("night", "UTC", ["Fr 22:00-06:00"], ["12-25", "01-02"])
    assert night.is_open(utc(at)) is is_open


def test_all_day_every_day() -> None:
    always = hours("always", "America/New_York", ["Mo-Su 00:00-24:00"])
    assert all(
        always.is_open(utc(f"2026-11-{day:02}T{h:02}:30:00"))
        for day in range(1, 8)
        for h in range(24)
    )


def test_days_over_the_end_of_the_week() -> None:
    weekend = hours("weekend", "UTC", ["Sa-Mo 09:00-10:00"])
    assert [weekend.is_open(utc(f"2026-11-{day}T09:30:00")) for day in (27, 28, 29, 30)] == [
        False, True, True, True,
    ]  # fmt: skip


def test_the_hour_that_is_left_out_in_spring() -> None:
    early = hours("early", "Europe/Berlin", ["Su 02:30-03:30"])
    # 2026-03-29: at 01:00 UTC it is 03:00 in Berlin, and never 02:30.
    assert not early.is_open(utc("2026-03-29T01:29:00"))
    assert not early.is_open(utc("2026-03-29T01:30:00"))
    opening = early.next_opening(utc("2026-03-28T12:00:00"))
    assert opening is not None
    assert opening.isoformat() == "2026-04-05T02:30:00+02:00"


def test_the_hour_that_is_there_twice_in_autumn() -> None:
    late = hours("late", "Europe/Berlin", ["Su 02:30-02:45"])
    # 2026-10-25: 02:30 is at 00:30 and at 01:30 UTC.
    assert late.is_open(utc("2026-10-25T00:30:00"))
    assert late.is_open(utc("2026-10-25T01:44:00"))
    assert not late.is_open(utc("2026-10-25T01:45:00"))


def test_next_opening() -> None:
    def opening(at: str) -> str:
        found = OFFICE.next_opening(utc(at))
        assert found is not None
        return found.isoformat()

    assert opening("2026-11-30T05:00:00") == "2026-11-30T08:00:00+01:00"
    assert opening("2026-11-30T18:00:00") == "2026-12-01T08:00:00+01:00"
    assert opening("2026-12-24T18:00:00") == "2026-12-26T10:00:00+01:00", "behind the holiday"
    assert opening("2026-12-26T18:00:00") == "2026-12-29T08:00:00+01:00", "and the other one"
    assert opening("2026-03-28T18:00:00") == "2026-03-30T08:00:00+02:00", "summer has begun"
    assert opening("2026-11-30T09:00:00") == "2026-11-30T10:00:00+01:00", "now: it is open"


def test_it_may_never_open() -> None:
    leap = hours(
        "never",
        "UTC",
        ["Mo 10:00-11:00"],
        [f"{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 29)],
    )
    assert leap.next_opening(utc("2026-02-01T00:00:00")) is not None, "days 29 to 31 are left"
    assert hours("none", "UTC", []).next_opening(utc("2026-02-01T00:00:00")) is None


@pytest.mark.parametrize(
    "text", ["", "Europe", "Europe/Berin", "../etc/passwd", "/etc/passwd", "CET\0"]
)
def test_no_zone(text: str) -> None:
    with pytest.raises(HoursError, match="no time zone"):
        zone_named(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no span"),
        ("Mo-Fr", "no span"),
        ("08:00-18:00", "no span"),
        ("Mo-Fr 8-18", "no span"),
        ("Xy 08:00-18:00", "no day in Xy"),
        ("Mo-We-Fr 08:00-18:00", "more than two days"),
        ("Mo 08:61-18:00", "no clock shows"),
        ("Mo 08:00-24:01", "no clock shows"),
        ("Mo 24:00-08:00", "24:00"),
        ("Mo " * 5000 + "08:00", "no span"),
    ],
)
def test_no_span(text: str, what: str) -> None:
    with pytest.raises(HoursError, match=what):
        hours("x", "UTC", [text])


@pytest.mark.parametrize("text", ["monday 8:00-9:00", " Mon , WED-Fr  08:00 - 09:00 "])
def test_days_as_people_write_them(text: str) -> None:
    assert hours("x", "UTC", [text]).is_open(utc("2026-11-30T08:30:00"))


@pytest.mark.parametrize(
    "text", ["", "12", "13-01", "02-30", "2026-02-29", "1-2-3-4", "-12-25", "١٢-25", "0-1-1"]
)
def test_no_date(text: str) -> None:
    with pytest.raises(HoursError, match="no date"):
        hours("x", "UTC", [], [text])


def test_the_29th_of_february() -> None:
    hours("x", "UTC", [], ["02-29", "2028-02-29"])
