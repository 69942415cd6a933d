"""Business hours: when something is open, in the zone where it is. No I/O and no clock.

A span is of the wall clock of its zone: "Mo-Fr 08:00-18:00" is from eight to six in summer and in
winter. A day has two letters or more, small or large: "mon-fri 08:00-18:00" is the same. A span
whose end is not behind its begin goes on to the next day: "Fr 22:00-06:00". One that would begin on
a holiday does not; one that began on the day before goes on to its end.

When the clock is set back an hour is there twice, and a span that begins or ends in it has both.
One that begins in the hour that is left out in spring begins when that hour would have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sipua.config.values.zones import find_zone

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
FURTHEST_DAYS: Final = 400
"""How far an opening is looked for: beyond a year with all its holidays."""

_SPAN = re.compile(
    r"\s*(?P<days>[A-Za-z]{2,9}(?:\s*[-,]\s*[A-Za-z]{2,9}){0,13})"
    r"\s+(?P<from>\d{1,2}:\d{2})\s*-\s*(?P<to>\d{1,2}:\d{2})\s*"
)
_DAY: Final = timedelta(days=1)
MINUTES_A_DAY: Final = 24 * 60


class HoursError(ValueError):
    """A text that is no zone, span or date: what is wrong, and what would be right."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Span:
    days: frozenset[int]
    """On which it begins; 0 is Monday."""
    begin: int
    """In minutes of the day."""
    end: int
    """The same; above 1440: on the next day."""

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Its begin and end, in UTC; None: it does not begin on this day."""
        if day.weekday() not in self.days:
            return None
        return _moment(day, self.begin, zone, 0), _moment(day, self.end, zone, 1)


@dataclass(frozen=True, slots=True)
class Holiday:
    month: int
    day: int
    year: int | None = None
    """None: each year."""

    def on(self, day: date) -> bool:
        return (day.month, day.day) == (self.month, self.day) and self.year in (None, day.year)


@dataclass(frozen=True, slots=True)
class Hours:
    name: str
    zone: ZoneInfo
    spans: tuple[Span, ...]
    holidays: tuple[Holiday, ...] = ()

    def is_open(self, now: datetime) -> bool:
        """`now`: with a zone, whichever it is."""
        today = now.astimezone(self.zone).date()
        return any(begin <= now < end for begin, end in self._from(today - _DAY, 3))

    def next_opening(self, now: datetime) -> datetime | None:
        """In the zone; `now` itself while it is open. None: it does not open within a year."""
        if self.is_open(now):
            return now.astimezone(self.zone)
        today = now.astimezone(self.zone).date()
        later = (begin for begin, end in self._from(today, FURTHEST_DAYS) if now < begin < end)
        first = next(later, None)
        return None if first is None else first.astimezone(self.zone)

    def _from(self, first: date, days: int) -> Iterator[tuple[datetime, datetime]]:
        """The spans that begin on these days, each day's in their order."""
        for day in (first + timedelta(days=number) for number in range(days)):
            if not any(holiday.on(day) for holiday in self.holidays):
                spans = (span.on(day, self.zone) for span in self.spans)
                yield from sorted(span for span in spans if span is not None)


def _moment(day: date, minutes: int, zone: ZoneInfo, fold: int) -> datetime:
    later, minute = divmod(minutes, MINUTES_A_DAY)
    at = time(minute // 60, minute % 60, fold=fold)
    return datetime.combine(day + later * _DAY, at, zone).astimezone(UTC)


def hours(name: str, zone: str, spans: Iterable[str], holidays: Iterable[str] = ()) -> Hours:
    """Raises HoursError."""
    return _read(name, zone, tuple(spans), tuple(holidays))


@lru_cache(maxsize=256)
def _read(name: str, zone: str, spans: tuple[str, ...], holidays: tuple[str, ...]) -> Hours:
    """Once for all calls."""
    return Hours(
        name,
        zone_named(zone),
        tuple(span_of(text) for text in spans),
        tuple(holiday_of(text) for text in holidays),
    )


def zone_named(text: str) -> ZoneInfo:
    """Raises HoursError."""
    zone = find_zone(text)
    if zone is None:
        raise HoursError(
            "is no time zone of this system",
            'such as "Europe/Berlin" or "UTC" (timedatectl list-timezones; the package tzdata)',
        )
    return zone


def span_of(text: str) -> Span:
    """Raises HoursError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise HoursError(
            "is no span of hours", 'such as "Mo-Fr 08:00-18:00" or "Sa,Su 10:00-14:00"'
        )
    begin, end = _minutes(match["from"]), _minutes(match["to"])
    if begin == MINUTES_A_DAY:
        raise HoursError("begins at 24:00, which is the end of a day", '"00:00" of the next day')
    return Span(_days(match["days"]), begin, end if end > begin else end + MINUTES_A_DAY)


def holiday_of(text: str) -> Holiday:
    """Raises HoursError."""
    parts = text.strip().split("-")
    numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in parts]
    if len(numbers) == 2:
        numbers = [2000, *numbers]  # a leap year: 02-29 is a date of some years
    try:
        day = date(*numbers)
    except (ValueError, TypeError, OverflowError):
        raise HoursError("is no date", '"12-25" for each year, or "2027-03-26" for one') from None
    return Holiday(day.month, day.day, day.year if len(parts) == 3 else None)


def _minutes(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > MINUTES_A_DAY:
        raise HoursError(f"has a time that no clock shows: {text}", "00:00 to 24:00")
    return hour * 60 + minute


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, *last = (_day(word.strip()) for word in part.split("-"))
        if len(last) > 1:
            raise HoursError(f"has more than two days in {part.strip()}", '"Mo-Fr"')
        # Fr-Mo goes over the end of the week.
        days |= {
            (first + more) % 7 for more in range(((last[0] if last else first) - first) % 7 + 1)
        }
    return frozenset(days)


def _day(word: str) -> int:
    name = word[:2].capitalize()
    if name not in DAYS:
        raise HoursError(f"has no day in {word}", f"one of {', '.join(DAYS)}")
    return DAYS.index(name)
